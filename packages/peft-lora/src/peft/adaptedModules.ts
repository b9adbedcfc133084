import type { Variant } from '../variant.ts';
import type { TensorSource } from './matchTensors.ts';
import { unreadable } from './unknownWeight.ts';

/** What the files of an adapter tell of a module that it adapts. */
export interface AdaptedModule {
  readonly kind: 'linear' | 'embedding' | 'conv';
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly hasBias: boolean;
  /** Its keys in the file. */
  readonly keys: readonly string[];
}

/** The modules of which a file has both thin factors. Throws `unsupported` for a method that has none. */
export function adaptedModules(
  variant: Variant,
  config: unknown,
  keys: ReadonlyMap<string, string>,
  { entries }: TensorSource,
): Map<string, AdaptedModule> {
  const names = variant.factors?.(config);
  const format = variant.peft;
  if (names === undefined || names.isShort || format === undefined) throw unreadable(variant.name);
  const shapeOf = (key: string): readonly number[] => entries.get(keys.get(key) ?? '')?.shape ?? [];
  const found = new Map<string, AdaptedModule>();
  const kinds = (['linear', 'embedding'] as const).filter((kind) => variant.kinds.includes(kind));
  for (const kind of kinds) {
    const endings = format.keys(kind, config);
    const [left = '', right = ''] = [endings[names.left], endings[names.right]];
    const biases = Object.values(variant.bias?.peftKeys ?? {});
    for (const key of keys.keys()) {
      if (!key.endsWith(`.${right}`)) continue;
      const path = key.slice(0, -right.length - 1);
      if (found.has(path) || !keys.has(`${path}.${left}`)) continue;
      const shape = shapeOf(key);
      const own = [...Object.values(endings), ...biases].map((ending) => `${path}.${ending}`);
      found.set(path, {
        kind: kind === 'linear' && shape.length > 2 ? 'conv' : kind,
        left: shapeOf(`${path}.${left}`),
        right: shape,
        hasBias: biases.some((ending) => keys.has(`${path}.${ending}`)),
        keys: own,
      });
    }
  }
  if (found.size === 0) throw unreadable(variant.name);
  return found;
}
