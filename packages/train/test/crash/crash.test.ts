import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tensor } from '@lorikeet/tensor-core';
import { checkpointFolder } from '@lorikeet/train/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../../scripts/bundle.ts';

/** So often that each part of a step and of a save is hit. */
const kills = 50;
/** Of a batch, so that a run takes longer than the time in which it is killed. */
const delay = '4';

let folder: string;
let program: string;
let whole: unknown;
let log: unknown;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-crash-'));
  program = await bundle(
    fileURLToPath(new URL('./run.ts', import.meta.url)),
    join(folder, 'program'),
  );
  const dir = join(folder, 'whole');
  expect(await run(dir)).toBe('exit 0');
  whole = await resultOf(dir);
  log = await logOf(dir);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('a run that is killed fifty times ends with the same bits as one that never was', async () => {
  const dir = join(folder, 'killed');
  let killed = 0;
  let ended = 0;
  for (; killed < kills || ended === 0; ) {
    const end = await run(dir, killed < kills ? 250 * Math.random() : undefined);
    if (end === 'killed') {
      killed += 1;
      continue;
    }
    expect(end).toBe('exit 0');
    ended += 1;
    expect(await resultOf(dir)).toEqual(whole);
    expect(await logOf(dir)).toEqual(log);
    // No run has left anything half written.
    expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual([]);
    if (killed < kills) await rm(dir, { recursive: true });
  }
}, 240_000);

describe('a checkpoint that is broken', () => {
  test.each([
    ['cut off', (path: string) => truncate(path, 1000)],
    ['with a bit that is another', flipBit],
    ['without its tensors', (path: string) => rm(path)],
    [
      'with half of its description',
      (path: string) => truncate(join(path, '../training.json'), 99),
    ],
  ])('is passed over for the one before: %s', async (_, damage) => {
    const dir = await mkdtemp(join(folder, 'broken-'));
    expect(await run(dir, 400)).toBe('killed');
    const steps = (await readdir(dir)).filter((name) => name.startsWith('step-')).sort();
    expect(steps.length).toBeGreaterThan(1);
    const last = join(dir, steps.at(-1) as string, 'state.safetensors');
    await damage(last);
    const broken: string[] = [];
    const store = await checkpointFolder(dir, { onBroken: (path) => broken.push(path) });
    expect((await store.latest())?.step).toBe(Number(steps.at(-2)?.slice(5)));
    expect(broken).toEqual([join(dir, steps.at(-1) as string)]);
    expect(await run(dir)).toBe('exit 0');
    expect(await resultOf(dir)).toEqual(whole);
  });

  test('is an error if there is no other, and nothing is lost', async () => {
    const dir = await mkdtemp(join(folder, 'alone-'));
    const store = await checkpointFolder(dir, { keep: 1 });
    await store.save({ step: 7, tensors: new Map([['x', tensor([1, 2])]]), state: {} });
    await truncate(join(dir, 'step-00000007/state.safetensors'), 10);
    await expect(store.latest()).rejects.toMatchObject({
      code: 'invalid-file',
      received: expect.stringContaining('step-00000007'),
    });
    expect(await readdir(dir)).toEqual(['step-00000007']);
  });
});

describe('a disk', () => {
  /** A file system of so many KiB. */
  function mount(dir: string, options: string): boolean {
    return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]).status === 0;
  }

  test('that is full is a typed error; with room again the run goes on to the same bits', async ({
    skip,
  }) => {
    const dir = await mkdtemp(join(folder, 'full-'));
    if (!mount(dir, 'size=200k')) skip('only root can mount a small file system');
    try {
      expect(await run(dir, 300)).toBe('killed');
      const before = await (await checkpointFolder(dir)).latest();
      expect(before).toBeDefined();
      await writeFile(join(dir, 'filler'), new Uint8Array(2 ** 20)).catch(() => undefined);
      const store = await checkpointFolder(dir);
      const large = new Map([['x', tensor(new Float32Array(2 ** 16))]]);
      await expect(store.save({ step: 999, tensors: large, state: {} })).rejects.toMatchObject({
        code: 'write-failed',
        hint: expect.stringContaining('the disk is full'),
      });
      expect((await store.latest())?.step).toBe(before?.step);
      expect((await readdir(dir)).filter((name) => name.startsWith('.'))).toEqual([]);
      await rm(join(dir, 'filler'));
      expect(await run(dir)).toBe('exit 0');
      expect(await resultOf(dir)).toEqual(whole);
    } finally {
      spawnSync('umount', [dir]);
    }
  });

  test('that is read-only is a typed error, at the start and later', async ({ skip }) => {
    const dir = await mkdtemp(join(folder, 'read-only-'));
    if (!mount(dir, 'size=200k')) skip('only root can mount a file system read-only');
    try {
      const store = await checkpointFolder(dir);
      expect(spawnSync('mount', ['-o', 'remount,ro', dir]).status).toBe(0);
      const checkpoint = { step: 1, tensors: new Map([['x', tensor([1])]]), state: {} };
      await expect(store.save(checkpoint)).rejects.toMatchObject({
        code: 'write-failed',
        hint: expect.stringContaining('read-only'),
      });
      await expect(checkpointFolder(join(dir, 'new'))).rejects.toMatchObject({
        code: 'write-failed',
      });
    } finally {
      spawnSync('umount', [dir]);
    }
  });
});

/** Runs the training in a folder, and kills it some milliseconds after it has read its checkpoint. */
async function run(dir: string, killAfter?: number): Promise<string> {
  const child = spawn(process.execPath, [program, dir, killAfter === undefined ? '0' : delay], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const ended = new Promise<string>((resolve) => {
    child.on('close', (code, signal) =>
      resolve(signal === 'SIGKILL' ? 'killed' : code === 0 ? 'exit 0' : errors),
    );
  });
  child.stdout.once('data', async () => {
    if (killAfter === undefined) return;
    await setTimeout(killAfter);
    child.kill('SIGKILL');
  });
  return await ended;
}

async function resultOf(dir: string): Promise<unknown> {
  return JSON.parse(await readFile(join(dir, 'result.json'), 'utf8'));
}

/** The lines of a log but for times, and for what was saved when. */
async function logOf(dir: string): Promise<unknown[]> {
  const lines = (await readFile(join(dir, 'log.jsonl'), 'utf8')).trim().split('\n');
  return lines.flatMap((line) => {
    const { step_s: _, live_mib: __, ...rest } = JSON.parse(line);
    return rest.type === 'checkpoint' ? [] : [rest];
  });
}

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
  await writeFile(path, bytes);
}
