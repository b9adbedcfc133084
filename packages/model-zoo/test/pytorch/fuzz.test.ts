import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPytorch } from '@lorikeet/model-zoo/node';
import { isLorikeetError } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Dice, diceOf, pick } from '../../../tensor-core/test/safetensors/mutate.ts';

const seconds = Number(process.env.LORIKEET_FUZZ_SECONDS ?? 30);
const givenSeed = process.env.LORIKEET_FUZZ_SEED;
const replay = (seed: number): string =>
  `LORIKEET_FUZZ_SEED=${seed} npx vitest run packages/model-zoo/test/pytorch/fuzz.test.ts`;

const fixtures = fileURLToPath(new URL('../fixtures/pytorch/', import.meta.url));
const names = ['archive.bin', 'stream.bin', 'nested.bin'];

let scratch = '';
let corpus: readonly Buffer[] = [];
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pytorch-fuzz-'));
  corpus = await Promise.all(names.map((name) => readFile(join(fixtures, name))));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Bytes with one thing changed: some are others, or are cut, or doubled, or those of another file. */
function mutate(bytes: Buffer, dice: Dice): Buffer {
  const at = dice(bytes.length);
  const end = Math.min(bytes.length, at + 1 + dice(8));
  const changes: readonly (() => Buffer)[] = [
    () => Buffer.from(bytes).fill(dice(256), at, Math.min(end, at + 1)),
    () => Buffer.from(bytes).fill(pick(dice, [0, 0xff, 0x7f]), at, end),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]),
    () => Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), pick(dice, corpus).subarray(dice(2000))]),
  ];
  return pick(dice, changes)();
}

/** A changed file is refused, or all of its tensors are as long as it says. Whether it was taken. */
async function attack(seed: number): Promise<boolean> {
  const dice = diceOf(seed);
  let bytes = pick(dice, corpus);
  for (let count = 1 + dice(3); count > 0; count--) bytes = mutate(bytes, dice);
  const path = join(scratch, 'case.bin');
  await writeFile(path, bytes);
  const before = process.memoryUsage().arrayBuffers;
  const start = performance.now();
  try {
    const file = await openPytorch(path);
    for (const [name, { shape }] of file.entries) {
      const read = await file.read(name);
      expect(read.length).toBe(shape.reduce((product, side) => product * side, 1));
    }
    await file.close();
    return true;
  } catch (error) {
    if (!isLorikeetError(error, 'invalid-file') && !isLorikeetError(error, 'unsupported'))
      throw new Error(`the case of seed ${seed} failed. Replay: ${replay(seed)}`, { cause: error });
    return false;
  } finally {
    // No file here is longer than some kilobytes.
    expect(process.memoryUsage().arrayBuffers - before, replay(seed)).toBeLessThan(2 ** 20);
    expect(performance.now() - start, replay(seed)).toBeLessThan(5000);
  }
}

test(
  'changed checkpoints of PyTorch are refused or read',
  async () => {
    const first = Number(givenSeed ?? Math.floor(Math.random() * 2 ** 31));
    console.info(`fuzzing from seed ${first}. Replay: ${replay(first)}`);
    const end = performance.now() + seconds * 1000;
    let cases = 0;
    let taken = 0;
    do {
      if (await attack(first + cases)) taken++;
      cases++;
    } while (performance.now() < end);
    console.info(`fuzzing: ${cases} cases, of which ${taken} were taken`);
    expect(cases).toBeGreaterThan(seconds);
    if (seconds >= 5) expect(taken).toBeGreaterThan(cases / 100);
  },
  seconds * 1000 + 60_000,
);
