import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPytorch } from '@lorikeet/model-zoo/node';
import { afterAll, expect } from 'vitest';
import { fuzz, refusedOr } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { type Dice, mutateText } from '../../../tensor-core/test/safetensors/mutate.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pytorch/', import.meta.url));
const name = 'pytorch_model.bin.index.json';
const index = await readFile(join(fixtures, name), 'utf8');
const scratch = await mkdtemp(join(tmpdir(), 'index-fuzz-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
for (const part of ['1', '2'])
  await copyFile(
    join(fixtures, `pytorch_model-0000${part}-of-00002.bin`),
    join(scratch, `pytorch_model-0000${part}-of-00002.bin`),
  );

/** A changed index is refused, or what it names is read. */
async function attack(dice: Dice): Promise<boolean> {
  let text = index;
  for (let count = 1 + dice(3); count > 0; count--) text = mutateText(text, dice);
  const path = join(scratch, name);
  await writeFile(path, text);
  const codes = ['invalid-file', 'missing-tensor', 'unsupported'] as const;
  const file = await refusedOr(() => openPytorch(path), codes);
  if (file === undefined) return false;
  expect([...file.entries.keys()].toSorted()).toEqual(
    Object.keys(JSON.parse(text).weight_map).toSorted(),
  );
  await file.close();
  return true;
}

fuzz('a changed index of PyTorch', {
  file: 'packages/model-zoo/test/fuzz/index.fuzz.test.ts',
  attack,
});
