import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { takesPart } from '../lora/loraConfig.ts';
import { prefix } from '../peft/adapterTensors.ts';
import { methodOf } from '../peft/findVariant.ts';
import { parsePlacement, requireRecord } from '../peft/peftConfig.ts';
import { noPlaceFor, unknownKey } from './keyErrors.ts';
import { type KeyedModule, type KeyedType, keyEndings, rankOfTensors } from './keyedModule.ts';

/** An adapter in the format of Hugging Face PEFT, in memory. */
export interface PeftKeys {
  /** The parsed `adapter_config.json`. */
  readonly config: unknown;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What of a config decides the scale of an update. */
const scaling = z.object({
  rank: z.number(),
  alpha: z.number(),
  useRslora: z.boolean().default(false),
  initLoraWeights: z.custom<Parameters<typeof takesPart>[0]['initLoraWeights']>().default(true),
});

/**
 * The modules of an adapter of PEFT, for other key styles.
 *
 * @throws LorikeetError `unsupported` for a method or an option that these cannot say: biases, heads, embeddings, first values
 *   that are taken out of the weight; `unexpected-tensor`, `shape-mismatch`, `invalid-config`.
 */
export function readPeftKeys({ config, tensors }: PeftKeys): KeyedModule[] {
  const json = requireRecord(config);
  const words = parsePlacement(json);
  const { variant, config: parsed } = methodOf(json, words, []);
  const type = typeNamed(json.peft_type);
  const ownOfPeft = {
    layer_replication: words.layer_replication ?? [],
    target_parameters: words.target_parameters ?? [],
    alora_invocation_tokens: words.alora_invocation_tokens ?? [],
  };
  for (const [key, values] of Object.entries(ownOfPeft))
    if (values.length > 0) throw noPlaceFor('other styles', key);
  if (variant.peft?.mark !== undefined) throw noPlaceFor('other styles', variant.peft.mark.key);
  const grouped = groupByModule(tensors, type);
  return [...grouped].map(([path, own]) => {
    const at = scaling.parse(variant.configAt?.(parsed, path) ?? parsed);
    if (type === 'LORA' && takesPart(at))
      throw noPlaceFor(
        'other styles',
        `init_lora_weights ${String(at.initLoraWeights)}`,
        'make it plain LoRA first: convertToLora, or lorikeet resize --energy 1 --base MODEL',
      );
    const rank = rankOfTensors(own) ?? at.rank;
    if (rank !== at.rank)
      throw new LorikeetError('shape-mismatch', 'a tensor of the adapter does not fit its config', {
        path,
        expected: `rank ${at.rank}`,
        received: `rank ${rank}`,
      });
    const alpha = at.useRslora ? at.alpha * Math.sqrt(rank) : at.alpha;
    return { path, type, tensors: own, rank, alpha };
  });
}

function typeNamed(name: unknown): KeyedType {
  const found = (Object.keys(keyEndings) as KeyedType[]).find((type) => type === name);
  if (found !== undefined) return found;
  throw new LorikeetError('unsupported', `other key styles do not have ${String(name)}`, {
    expected: Object.keys(keyEndings).join(', '),
    received: String(name),
    hint: 'extractUpdate makes a LoRA of it',
  });
}

function groupByModule(
  tensors: ReadonlyMap<string, Tensor>,
  type: KeyedType,
): Map<string, Record<string, Tensor>> {
  const grouped = new Map<string, Record<string, Tensor>>();
  const endings = Object.keys(keyEndings[type]);
  for (const [name, value] of tensors) {
    const key = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const ending = endings.find((end) => key.endsWith(`.${end}`));
    if (ending === undefined)
      throw noPlaceFor('other styles', name, 'they hold linear layers and convolutions alone');
    const path = key.slice(0, -ending.length - 1);
    grouped.set(path, { ...grouped.get(path), [ending]: value });
  }
  if (grouped.size === 0) throw unknownKey('PEFT', 'no tensor', endings.join(', '));
  return grouped;
}
