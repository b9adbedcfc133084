import { LorikeetError } from '../errors.ts';
import { invalidFile, listNames } from './fault.ts';
import type { SafetensorsEntry } from './header.ts';
import { readSafetensors } from './read.ts';
import { requireEntry, type SafetensorsFile } from './safetensorsFile.ts';
import { parseIndex, readIndexText } from './shardIndex.ts';
import type { ByteSource } from './source.ts';

interface Held {
  readonly shard: SafetensorsFile;
  readonly entry: SafetensorsEntry;
}

/**
 * Opens a checkpoint of several safetensors files by its index (`model.safetensors.index.json`), as
 * one file. The header of every shard is read and checked here.
 *
 * `index` is the text of the index, or a source of it, which is closed; `openShard` gives the bytes of
 * a shard that the index names, always by a plain file name without a folder. Throws `invalid-file`,
 * and `missing-tensor` if a shard lacks a tensor that the index promises.
 */
export async function readSharded(
  index: string | ByteSource,
  openShard: (fileName: string) => Promise<ByteSource>,
  { name = 'safetensors index' }: { readonly name?: string | undefined } = {},
): Promise<SafetensorsFile> {
  const text = typeof index === 'string' ? index : await readIndexText(index, name);
  const shardOf = parseIndex(text, name);
  const shards = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  try {
    for (const fileName of new Set(shardOf.values())) {
      shards.set(fileName, await readSafetensors(await openShard(fileName), { name: fileName }));
    }
    const holders = holdersOf(shardOf, shards, name);
    refuseUnlisted(shardOf, shards, name);
    return joinShards(holders, [...shards.values()], name, close);
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** Each tensor of the index in the shard that it names. */
function holdersOf(
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
  name: string,
): ReadonlyMap<string, Held> {
  const holders = new Map<string, Held>();
  for (const [tensor, fileName] of shardOf) {
    const shard = shards.get(fileName);
    const entry = shard?.entries.get(tensor);
    if (shard !== undefined && entry !== undefined) holders.set(tensor, { shard, entry });
  }
  if (holders.size === shardOf.size) return holders;
  const missing = [...shardOf.keys()].filter((tensor) => !holders.has(tensor));
  throw new LorikeetError('missing-tensor', 'a shard lacks a tensor that the index promises', {
    path: name,
    expected: listNames(missing.map((tensor) => `${shardOf.get(tensor)}: ${tensor}`)),
    received: `${missing.length} of ${shardOf.size} tensors are not in the shard said`,
    hint: 'the index and the shards are of different checkpoints: fetch them all again',
  });
}

/** Refuses shards that hold what the index does not say they do. */
function refuseUnlisted(
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
  name: string,
): void {
  const extra = [...shards].flatMap(([fileName, shard]) =>
    [...shard.entries.keys()]
      .filter((tensor) => shardOf.get(tensor) !== fileName)
      .map((tensor) => `${fileName}: ${tensor}`),
  );
  if (extra.length === 0) return;
  throw invalidFile({ file: name }, 'a shard holds a tensor that the index does not put there', {
    expected: `the ${shardOf.size} tensors of the index, each in one shard`,
    received: `${extra.length} more: ${listNames(extra)}`,
    hint: 'the index and the shards are of different checkpoints: fetch them all again',
  });
}

function joinShards(
  holders: ReadonlyMap<string, Held>,
  shards: readonly SafetensorsFile[],
  name: string,
  close: () => Promise<void>,
): SafetensorsFile {
  const holderOf = (tensor: string): Held => requireEntry(holders, { file: name, tensor });
  return {
    name,
    // Where shards differ, the first one's word counts.
    metadata: new Map(shards.toReversed().flatMap(({ metadata }) => [...metadata])),
    entries: new Map([...holders].map(([tensor, { entry }]) => [tensor, entry])),
    read: async (tensor) => holderOf(tensor).shard.read(tensor),
    readAs: async (tensor, dtype) => holderOf(tensor).shard.readAs(tensor, dtype),
    close,
  };
}
