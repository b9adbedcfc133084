/** Checkpoints in the safetensors format as files, in Node. */
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { invalidFile, listNames } from './fault.ts';
import { readSafetensors } from './read.ts';
import type { SafetensorsFile } from './safetensorsFile.ts';
import { readSharded } from './sharded.ts';
import { type ByteSource, requireRange } from './source.ts';
import { splitShards } from './splitShards.ts';
import { type ByteSink, type TensorToWrite, writeSafetensors } from './write.ts';
import type { Named } from './writeLayout.ts';

/** A source of a file, of which only what is asked for is read. Throws `invalid-file`. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { size } = await statOf(path, 'file');
  const handle = await open(path).catch((cause: unknown) => refusePath(path, cause));
  return {
    size,
    async read(offset, length) {
      requireRange(size, offset, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) return bytes.subarray(0, done);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** What a folder may hold its tensors in; the first that is there counts. */
const checkpointNames = [
  'model.safetensors',
  'model.safetensors.index.json',
  'adapter_model.safetensors',
];

/**
 * Opens the checkpoint at `path`: a `.safetensors` file, a `.safetensors.index.json` with its shards
 * beside it, or a folder with either, under Hugging Face's names. Close it after use. Throws as
 * `readSafetensors` and `readSharded` do.
 *
 * @example
 * const file = await openSafetensors('bert-base-uncased');
 * const weight = await file.readAs('bert.embeddings.word_embeddings.weight', 'f32');
 * await file.close();
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const stats = await statOf(path);
  if (stats.isDirectory()) return openSafetensors(await checkpointIn(path));
  const source = await fileSource(path);
  if (!path.endsWith('.json')) return readSafetensors(source, { name: path });
  return readSharded(source, (shard) => fileSource(join(dirname(path), shard)), { name: path });
}

/**
 * Writes a safetensors file as `writeSafetensors` does, and puts it at `path` only once it is whole
 * and on the disk: a crash leaves what was there before.
 */
export async function saveSafetensors(
  path: string,
  tensors: Named<TensorToWrite>,
  metadata: Named<string> = [],
): Promise<void> {
  const write: Writer = (sink) => writeSafetensors(sink, tensors, metadata);
  await replaceFiles(dirname(path), new Map([[basename(path), write]]));
}

export interface SaveShardedOptions {
  /** Bytes of data that a file may hold; a larger tensor gets a file of its own. 5e9 by default. */
  readonly maxShardBytes?: number;
  /** Written to each file. */
  readonly metadata?: Named<string>;
  /** What the names of the files start with; `model` by default. */
  readonly stem?: string;
}

/**
 * Writes a checkpoint to the folder `dir` in files of limited size and an index, under Hugging Face's
 * names, or in one file without an index if that is enough. Every file is whole before the first gets
 * its name, and what an earlier save left under the same stem is removed at the end.
 *
 * Returns the names of the files, the index last.
 */
export async function saveSharded(
  dir: string,
  tensors: Named<TensorToWrite>,
  { maxShardBytes = 5e9, metadata = [], stem = 'model' }: SaveShardedOptions = {},
): Promise<string[]> {
  const { shards, index } = splitShards(tensors, maxShardBytes, stem);
  const about = [...metadata];
  const writers = new Map<string, Writer>();
  for (const { fileName, tensors: held } of shards) {
    writers.set(fileName, (sink) => writeSafetensors(sink, held, about));
  }
  if (index !== undefined) {
    const write: Writer = async (sink) => sink.write(new TextEncoder().encode(index));
    writers.set(`${stem}.safetensors.index.json`, write);
  }
  await mkdir(dir, { recursive: true });
  await replaceFiles(dir, writers);
  await removeStale(dir, stem, writers);
  return [...writers.keys()];
}

/** Writes the whole of a file. */
type Writer = (sink: ByteSink) => Promise<void>;

/** Writes the files of `dir`, all of them in full before the first one gets its name. */
async function replaceFiles(dir: string, writers: ReadonlyMap<string, Writer>): Promise<void> {
  const staged = new Map<string, string>();
  try {
    for (const [fileName, write] of writers) {
      staged.set(fileName, await stage(join(dir, fileName), write));
    }
    for (const [fileName, path] of staged) await rename(path, join(dir, fileName));
  } catch (fault) {
    for (const path of staged.values()) await rm(path, { force: true });
    throw fault;
  }
  await syncFolder(dir);
}

/** Writes a file beside `path`, under a name of its own, through to the disk; returns that name. */
async function stage(path: string, write: Writer): Promise<string> {
  const staged = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  const handle = await open(staged, 'wx');
  try {
    await write({ write: (bytes) => writeAll(handle, bytes) });
    await handle.sync();
    await handle.close();
    return staged;
  } catch (fault) {
    await handle.close();
    await rm(staged, { force: true });
    throw fault;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
}

async function removeStale(
  dir: string,
  stem: string,
  written: ReadonlyMap<string, unknown>,
): Promise<void> {
  for (const name of await readdir(dir)) {
    const isOfStem = name.startsWith(stem) && ofStem.test(name.slice(stem.length));
    if (isOfStem && !written.has(name)) await rm(join(dir, name));
  }
}

const ofStem = /^(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

/** Makes renames last through a crash, where the system can. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function checkpointIn(dir: string): Promise<string> {
  const names = new Set(await readdir(dir));
  const found = checkpointNames.find((name) => names.has(name));
  if (found !== undefined) return join(dir, found);
  throw invalidFile({ file: dir }, 'the folder holds no checkpoint', {
    expected: checkpointNames.join(' or '),
    received: listNames(names),
    hint: 'give the path of the file itself if it has another name',
  });
}

async function statOf(path: string, kind?: 'file'): Promise<Stats> {
  const stats = await stat(path).catch((cause: unknown) => refusePath(path, cause));
  if (kind === undefined || stats.isFile()) return stats;
  return refusePath(path, new Error('it is not a file'));
}

function refusePath(path: string, cause: unknown): never {
  throw invalidFile({ file: path }, 'the file cannot be opened', {
    expected: 'a file that is there and may be read',
    received: cause instanceof Error ? cause.message : String(cause),
    hint: 'check the path',
    cause,
  });
}
