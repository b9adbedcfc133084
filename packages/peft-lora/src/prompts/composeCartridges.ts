import { concat, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import {
  keepModuleAdapters,
  ModuleAdapter,
  ModuleSettings,
  moduleAdapters,
  ownAdapters,
  withAdapters,
} from '../modules/moduleAdapter.ts';
import { moduleTensors } from '../peft/encodeModules.ts';
import { rewrite } from '../rewrite.ts';
import { parseConfig } from '../variant.ts';
import {
  type CartridgeConfig,
  cartridge,
  cartridgeVariant,
  splitPrefix,
} from '../variants/cartridge.ts';

/**
 * The model with one cartridge in place of several: their keys and values one after the other, in the order of the names. As in
 * PEFT, the frozen ones are those of the first.
 *
 * @param name of the new adapter; one of `names` may be used again.
 * @throws LorikeetError `no-match` for a name that is not there, `unsupported` for an adapter that is no cartridge, or one around
 *   another module.
 * @example
 * const both = composeCartridges(tuned, ['manual', 'minutes'], 'library');
 */
export function composeCartridges<T>(
  tuned: T,
  names: readonly [string, ...string[]],
  name = 'default',
): T {
  const [first, ...others] = names.map((wanted) => partOf(tuned, wanted));
  if (first === undefined) return tuned;
  const other = others.find(({ path }) => path !== first.path);
  if (other !== undefined)
    throw new LorikeetError('unsupported', 'cartridges around different modules', {
      path: other.path,
      expected: first.path,
    });
  const embeddings = concat([first, ...others].map(({ prefix }) => prefix));
  const { frozenTokens } = first.config;
  const method = cartridge({ virtualTokens: embeddings.shape[0] ?? 0, frozenTokens });
  const state = splitPrefix({ embeddings }, method.config);
  const adapter = new ModuleAdapter(state, name, new ModuleSettings(method, first.path));
  const rest = keepModuleAdapters(tuned, ({ name: kept }) => !names.includes(kept));
  const wrap = (node: unknown): unknown =>
    withAdapters(Object(node), [...ownAdapters(Object(node)), adapter]);
  return rewrite(rest, new Map([[first.path, wrap]]));
}

interface Part {
  readonly path: string;
  readonly config: CartridgeConfig;
  /** [P, 2 L G K] */
  readonly prefix: Tensor;
}

function partOf(tuned: unknown, name: string): Part {
  const found = moduleAdapters(tuned).find(({ adapter }) => adapter.name === name);
  const [prefix] = moduleTensors(tuned, name);
  if (found === undefined || prefix === undefined)
    throw new LorikeetError('no-match', `the model has no cartridge '${name}'`, {
      received: name,
    });
  const { variant, config } = found.adapter.settings;
  if (variant.name !== cartridgeVariant.name)
    throw new LorikeetError('unsupported', `the adapter '${name}' is no cartridge`, {
      expected: cartridgeVariant.name,
      received: variant.name,
    });
  return {
    path: found.path,
    config: parseConfig(cartridgeVariant, config),
    prefix: prefix.tensor,
  };
}
