import { readSafetensors } from '@lorikeet/tensor-core/safetensors';
import { describe, expect } from 'vitest';
import { spySource } from './byHand.ts';
import { corpus, readAll } from './fuzzCorpus.ts';
import { fuzz, refusedOr } from './fuzzing.ts';
import { type Dice, mutateFile, pick } from './mutate.ts';

/** A mutated file is refused as invalid, or it is what an ordinary JSON parser says it is. */
async function attackFile(dice: Dice): Promise<boolean> {
  let bytes = pick(dice, corpus);
  for (let count = 1 + dice(3); count > 0; count--)
    bytes = mutateFile(bytes, pick(dice, corpus), dice);
  const source = spySource(bytes);
  const file = await refusedOr(() => readSafetensors(source), ['invalid-file']);
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

describe('mutated files', () => {
  const file = 'packages/tensor-core/test/safetensors/header.fuzz.test.ts';
  fuzz('a safetensors file, from a fixed seed', { file, attack: attackFile, share: 0.5, seed: 1 });
  fuzz('a safetensors file, from a random seed', { file, attack: attackFile, share: 0.5 });
});
