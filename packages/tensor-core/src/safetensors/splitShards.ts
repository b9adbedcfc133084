import { LorikeetError } from '../errors.ts';
import { byteLengthOf, type Named, type TensorSpec, uniqueTensors } from './writeLayout.ts';

/** A file of a sharded checkpoint, and what goes into it. */
interface Shard<Tensor> {
  readonly fileName: string;
  readonly tensors: readonly (readonly [name: string, tensor: Tensor])[];
}

export interface SplitShards<Tensor> {
  readonly shards: readonly Shard<Tensor>[];
  /** The text of the index; `undefined` if all fits in one file, which needs none. */
  readonly index: string | undefined;
}

/**
 * Splits a checkpoint into files whose data is at most `maxShardBytes` each, in the order of the
 * tensors and with the names that Hugging Face gives: `model-00001-of-00003.safetensors`, or
 * `model.safetensors` if one is enough. A larger tensor gets a file of its own.
 */
export function splitShards<Tensor extends TensorSpec>(
  tensors: Named<Tensor>,
  maxShardBytes: number,
  stem: string,
): SplitShards<Tensor> {
  if (!(maxShardBytes > 0)) {
    throw new LorikeetError('invalid-argument', 'maxShardBytes must be positive', {
      expected: 'a number of bytes, such as 5e9',
      received: String(maxShardBytes),
    });
  }
  const groups: (readonly [string, Tensor])[][] = [[]];
  let total = 0;
  let filled = 0;
  for (const [name, tensor] of uniqueTensors(tensors)) {
    const bytes = byteLengthOf(name, tensor);
    if (filled > 0 && filled + bytes > maxShardBytes) {
      groups.push([]);
      filled = 0;
    }
    groups.at(-1)?.push([name, tensor]);
    filled += bytes;
    total += bytes;
  }
  const shards = groups.map((group, i) => ({
    fileName: groups.length === 1 ? `${stem}.safetensors` : shardName(stem, i + 1, groups.length),
    tensors: group,
  }));
  return { shards, index: shards.length === 1 ? undefined : indexText(shards, total) };
}

function shardName(stem: string, number: number, count: number): string {
  const [part, all] = [number, count].map((n) => String(n).padStart(5, '0'));
  return `${stem}-${part}-of-${all}.safetensors`;
}

function indexText(shards: readonly Shard<TensorSpec>[], totalSize: number): string {
  const places = shards.flatMap(({ fileName, tensors }) =>
    tensors.map(([name]) => [name, fileName] as const),
  );
  const weightMap = Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1)));
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
  return `${JSON.stringify(index, undefined, 2)}\n`;
}
