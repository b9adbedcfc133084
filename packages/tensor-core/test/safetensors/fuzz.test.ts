import { isLorikeetError } from '@lorikeet/tensor-core';
import {
  bytesSource,
  encodeSafetensors,
  readSafetensors,
  readSharded,
  type SafetensorsFile,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { describe, expect, it } from 'vitest';
import { fileByHand, spySource } from './byHand.ts';
import { type Dice, diceOf, mutateFile, mutateText, pick } from './mutate.ts';

const seconds = Number(process.env.LORIKEET_FUZZ_SECONDS ?? 30);
const givenSeed = process.env.LORIKEET_FUZZ_SEED;
const replay = (seed: number): string =>
  `LORIKEET_FUZZ_SEED=${seed} npx vitest run packages/tensor-core/test/safetensors/fuzz.test.ts`;

const a: TensorInMemory = { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(1.5) };
const b: TensorInMemory = { dtype: 'F16', shape: [5], data: new Float32Array(5).fill(-2) };
const c: TensorInMemory = { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) };
const d: TensorInMemory = { dtype: 'BOOL', shape: [4, 0], data: new Uint8Array() };
const e: TensorInMemory = { dtype: 'U8', shape: [200], data: new Uint8Array(200).fill(1) };

const one = encodeSafetensors(Object.entries({ a, b, c, d }), [['format', 'pt']]);
const two = encodeSafetensors(Object.entries({ 'x.weight': a, 'x.bias': e }));
const three = fileByHand({ y: { dtype: 'F8_E4M3', shape: [6], data_offsets: [0, 6] } }, 6);
const corpus = [one, two, three, fileByHand('{}')];
const weightMap = { a: '1', b: '1', c: '1', d: '1', 'x.weight': '2', 'x.bias': '2' };
const index = JSON.stringify({
  metadata: { total_size: 1e3, note: [null, true] },
  weight_map: Object.fromEntries(
    Object.entries(weightMap).map(([k, n]) => [k, `${n}.safetensors`]),
  ),
});

/** Every tensor of a file that was taken reads with the length that its entry says. */
async function readAll(file: SafetensorsFile, dice: Dice): Promise<void> {
  for (const [name, { dtype, shape, byteLength }] of file.entries) {
    const elements = shape.reduce((product, side) => product * side, 1);
    try {
      const stored = await file.read(name);
      expect([stored.length, stored.byteLength]).toEqual([elements, byteLength]);
      const numbers = await file.readAs(name, pick(dice, ['f64', 'f32', 'f16', 'bool']));
      expect(numbers.length).toBe(elements);
    } catch (error) {
      const isUnreadable = /^(F8|F6|F4|C64)/.test(dtype);
      if (!isUnreadable || !isLorikeetError(error, 'unsupported')) throw error;
    }
  }
}

/** A mutated file is refused as invalid, or it is what an ordinary JSON parser says it is. */
async function attackFile(dice: Dice): Promise<boolean> {
  let bytes = pick(dice, corpus);
  for (let count = 1 + dice(3); count > 0; count--)
    bytes = mutateFile(bytes, pick(dice, corpus), dice);
  const source = spySource(bytes);
  const file = await refusedOr(readSafetensors(source), ['invalid-file']);
  const headerBytes = source.reads.reduce((sum, { length }) => sum + length, 0);
  expect(headerBytes).toBeLessThanOrEqual(bytes.length);
  if (file === undefined) return false;
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, headerBytes)));
  const { __metadata__: metadata = {}, ...entries } = header;
  expect(Object.fromEntries(file.metadata)).toEqual(metadata);
  expect([...file.entries.keys()].sort()).toEqual(Object.keys(entries).sort());
  let dataBytes = 0;
  for (const [name, { dtype, shape, byteLength }] of file.entries) {
    expect(entries[name]).toMatchObject({ dtype, shape });
    dataBytes += byteLength;
  }
  expect(dataBytes).toBe(bytes.length - headerBytes);
  await readAll(file, dice);
  return true;
}

/** A mutated index is refused, or is what an ordinary JSON parser says it is. */
async function attackIndex(dice: Dice): Promise<boolean> {
  let text = index;
  for (let count = 1 + dice(3); count > 0; count--) text = mutateText(text, dice);
  const shards = new Map([
    ['1.safetensors', one],
    ['2.safetensors', two],
  ]);
  const open = async (name: string) => {
    const isPlain = /^[^./\\:][^/\\:]*\.safetensors$/.test(name);
    if (!isPlain) throw new Error(`the shard ${name} is not beside the index`);
    return bytesSource(shards.get(name) ?? three);
  };
  const file = await refusedOr(readSharded(text, open), ['invalid-file', 'missing-tensor']);
  if (file === undefined) return false;
  expect([...file.entries.keys()].sort()).toEqual(Object.keys(JSON.parse(text).weight_map).sort());
  await readAll(file, dice);
  return true;
}

async function refusedOr<Value>(
  opening: Promise<Value>,
  codes: readonly ('invalid-file' | 'missing-tensor')[],
): Promise<Value | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (codes.some((code) => isLorikeetError(error, code))) return undefined;
    throw error;
  }
}

/** One attack, which must be quick and must not allocate. */
async function attackOnce(
  attack: (dice: Dice) => Promise<boolean>,
  seed: number,
): Promise<boolean> {
  const start = performance.now();
  const before = process.memoryUsage().arrayBuffers;
  try {
    const isTaken = await attack(diceOf(seed));
    // No file here is longer than a few kilobytes.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    expect(performance.now() - start).toBeLessThan(5000);
    return isTaken;
  } catch (cause) {
    throw new Error(`the case of seed ${seed} failed. Replay: ${replay(seed)}`, { cause });
  }
}

describe('mutated files', () => {
  const random = Math.floor(Math.random() * 2 ** 31);
  it.each([
    ['a safetensors file, from a fixed seed', 1, 0.4, attackFile],
    ['a safetensors file, from a random seed', random, 0.4, attackFile],
    ['an index, from a random seed', random, 0.2, attackIndex],
  ] as const)(
    '%s',
    async (title, usualSeed, share, attack) => {
      const seed = Number(givenSeed ?? usualSeed);
      console.info(`fuzzing ${title}: ${seed}. Replay: ${replay(seed)}`);
      const end = performance.now() + seconds * share * 1000;
      let cases = 0;
      let taken = 0;
      do {
        if (await attackOnce(attack, seed + cases)) taken++;
        cases++;
        // Lets the test runner hear that the test is alive.
        if (cases % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      } while (performance.now() < end);
      console.info(`fuzzing ${title}: ${cases} cases, of which ${taken} were taken as valid`);
      expect(cases).toBeGreaterThan(seconds * share * 50);
      if (seconds >= 5) expect(taken).toBeGreaterThan(cases / 100);
    },
    seconds * 1000 + 60_000,
  );
});
