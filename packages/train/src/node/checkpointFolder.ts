import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Checkpoint, CheckpointStore } from '../checkpoints.ts';
import { readTensors, writeTensors } from './tensorFile.ts';

export interface CheckpointFolderOptions {
  /** How many checkpoints stay; the oldest go when a new one is whole. Defaults to 2, so that one is left if the last is broken. */
  readonly keep?: number;
  /** Told of a checkpoint that is broken, and passed over. */
  readonly onBroken?: (path: string, reason: string) => void;
}

/** What is said of the tensors beside them. */
interface Manifest {
  readonly format: 1;
  readonly step: number;
  readonly sha256: string;
  readonly state: unknown;
}

const tensorFile = 'state.safetensors';
const manifestFile = 'training.json';
const ofStep = /^step-(\d{8,})$/;

/**
 * Checkpoints as folders `step-00000100` of a folder: what trains, the optimiser's state and the steps so far in
 * `state.safetensors`, the rest in `training.json` with a hash of it. Each is written under another name, forced to the disk,
 * and then renamed, so that there is never half of one; one that is broken all the same is passed over for the one before it.
 *
 * @throws LorikeetError `write-failed` from `save`, if the disk is full or may not be written; what was there before is
 *   still there. `invalid-file` from `latest`, if there are checkpoints and none of them is whole.
 * @example
 * const { model } = await fit({ ...options, checkpoints: await checkpointFolder('out/run') });
 */
export async function checkpointFolder(
  dir: string,
  { keep = 2, onBroken }: CheckpointFolderOptions = {},
): Promise<CheckpointStore> {
  if (!Number.isInteger(keep) || keep < 1) {
    throw new LorikeetError(
      'invalid-argument',
      'checkpointFolder: keep is no number of checkpoints',
      {
        expected: 'a whole number above 0',
        received: String(keep),
      },
    );
  }
  await writing(dir, async () => {
    await mkdir(dir, { recursive: true });
    // What a run left that was killed while it wrote.
    for (const name of await readdir(dir))
      if (isTemporary(name)) await rm(join(dir, name), { recursive: true });
  });
  return {
    async latest() {
      const faults: string[] = [];
      for (const name of (await stepsIn(dir)).toReversed()) {
        const path = join(dir, name);
        try {
          return await readCheckpoint(path);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          faults.push(`${name}: ${reason}`);
          onBroken?.(path, reason);
        }
      }
      if (faults.length === 0) return undefined;
      throw new LorikeetError('invalid-file', 'no checkpoint of the folder is whole', {
        path: dir,
        received: faults.join('; '),
        hint: 'give an empty folder to start anew',
      });
    },
    async save(checkpoint) {
      const name = `step-${String(checkpoint.step).padStart(8, '0')}`;
      await writing(join(dir, name), () => writeCheckpoint(dir, name, checkpoint));
      // What cannot be removed now is in nobody's way.
      const old = (await stepsIn(dir)).slice(0, -keep);
      for (const step of old)
        await removeWhole(dir, step).catch((error: unknown) => {
          onBroken?.(join(dir, step), `it is old and cannot be removed: ${String(error)}`);
        });
    },
  };
}

async function stepsIn(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => ofStep.test(name));
  return names.sort((a, b) => stepOf(a) - stepOf(b));
}

function stepOf(name: string): number {
  return Number(ofStep.exec(name)?.[1]);
}

async function writeCheckpoint(dir: string, name: string, checkpoint: Checkpoint): Promise<void> {
  const staged = join(dir, temporary(name));
  try {
    await mkdir(staged);
    await writeTensors(join(staged, tensorFile), checkpoint.tensors);
    const sha256 = await hashOf(join(staged, tensorFile));
    const { step, state } = checkpoint;
    const manifest: Manifest = { format: 1, step, sha256, state };
    await writeThrough(join(staged, manifestFile), JSON.stringify(manifest));
    await syncFolder(staged);
    const old = join(dir, name);
    // A checkpoint of that step that is broken, or of a run that was started anew.
    await removeWhole(dir, name);
    await rename(staged, old);
    await syncFolder(dir);
  } catch (error) {
    await rm(staged, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** Takes its name from a folder before it takes the folder apart. */
async function removeWhole(dir: string, name: string): Promise<void> {
  const away = join(dir, temporary(name));
  try {
    await rename(join(dir, name), away);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(away, { recursive: true });
}

function temporary(name: string): string {
  return `.${name}.${randomUUID()}.tmp`;
}

function isTemporary(name: string): boolean {
  return name.startsWith('.step-') && name.endsWith('.tmp');
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  const manifest: Partial<Manifest> = JSON.parse(await readFile(join(path, manifestFile), 'utf8'));
  const file = join(path, tensorFile);
  const { step, sha256, state } = manifest;
  if (manifest.format !== 1 || step === undefined || state === undefined)
    throw new Error(`${manifestFile} is not one of this format`);
  if ((await hashOf(file)) !== sha256) throw new Error(`${tensorFile} is not what was written`);
  return { step, state, tensors: await readTensors(file) };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

async function writeThrough(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what happened in a folder last through a crash, where the system can. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writing(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new LorikeetError('write-failed', 'the checkpoint could not be written', {
      path,
      received: cause instanceof Error ? cause.message : String(cause),
      hint: hints[codeOf(cause) ?? ''] ?? 'see whether the folder is there and may be written',
      cause,
    });
  }
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC:
    'the disk is full: make room and start again, and the run goes on from the checkpoint before',
  EDQUOT:
    'the quota is used up: make room and start again, and the run goes on from the checkpoint before',
  EROFS: 'the file system is read-only: give another folder',
  EACCES: 'the folder may not be written: change its rights or give another',
};

function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string } | null)?.code;
}
