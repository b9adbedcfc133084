import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPytorch } from '@lorikeet/model-zoo/node';
import { afterAll, expect } from 'vitest';
import { type Attack, refusedOr } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { type Dice, pick } from '../../../tensor-core/test/safetensors/mutate.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pytorch/', import.meta.url));

/** A changed file is refused, or all of its tensors are as long as it says. */
export async function pytorchAttack(names: readonly string[]): Promise<Attack> {
  const scratch = await mkdtemp(join(tmpdir(), 'pytorch-fuzz-'));
  afterAll(() => rm(scratch, { recursive: true, force: true }));
  const corpus = await Promise.all(names.map((name) => readFile(join(fixtures, name))));
  return async (dice) => {
    let bytes: Buffer = pick(dice, corpus);
    for (let count = 1 + dice(3); count > 0; count--) bytes = mutate(bytes, corpus, dice);
    const path = join(scratch, 'case.bin');
    await writeFile(path, bytes);
    const file = await refusedOr(() => openPytorch(path), ['invalid-file', 'unsupported']);
    if (file === undefined) return false;
    try {
      for (const [name, { shape }] of file.entries) {
        const read = await file.read(name);
        expect(read.length).toBe(shape.reduce((product, side) => product * side, 1));
      }
    } finally {
      await file.close();
    }
    return true;
  };
}

/** Bytes with one thing changed: some are others, or are cut, or doubled, or those of another file. */
function mutate(bytes: Buffer, corpus: readonly Buffer[], dice: Dice): Buffer {
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
