import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@lorikeet/model-zoo/node';
import { afterAll, expect } from 'vitest';
import { fuzz, refusedOr } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { type Dice, mutateText, pick } from '../../../tensor-core/test/safetensors/mutate.ts';

const fixtures = fileURLToPath(new URL('../fixtures/tokenizers/', import.meta.url));
const folders = [
  ...['bert', 'roberta', 'llama3', 'llama2', 't5', 'spm', 'marks'].map((name) => [
    `${name}/tokenizer.json`,
    `${name}/tokenizer_config.json`,
  ]),
  ['bert-old/vocab.txt'],
  ['gpt2-old/vocab.json', 'gpt2-old/merges.txt'],
].map((paths) =>
  paths.map(
    (path) => [path.split('/').at(-1) ?? '', readFileSync(fixtures + path, 'utf8')] as const,
  ),
);
const scratch = await mkdtemp(join(tmpdir(), 'tokenizer-fuzz-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const texts = ['The quick, brown fox; Zürich 1998!', '', ' 😀 東京\n\n', '<s>[CLS]</s>'];

/** Changed files are refused, or make a tokenizer whose tokens are in its vocabulary and come from the text. */
async function attack(dice: Dice): Promise<boolean> {
  const dir = await mkdtemp(join(scratch, 'case-'));
  try {
    const files = pick(dice, folders);
    const changed = dice(files.length);
    for (const [i, [name, text]] of files.entries())
      await writeFile(join(dir, name), i === changed ? changedText(text, dice) : text);
    const tokenizer = await refusedOr(() => loadTokenizer(dir), ['invalid-file', 'unsupported']);
    if (tokenizer === undefined) return false;
    const text = pick(dice, texts);
    const { ids, offsets, sequences, types } = tokenizer.encode(text, { pair: 'a pair' });
    for (const list of [offsets, sequences, types]) expect(list.length).toBe(ids.length);
    for (const [i, [start, end]] of offsets.entries()) {
      const source = sequences[i] === 1 ? 'a pair' : text;
      expect(start >= 0 && start <= end && end <= source.length).toBe(true);
    }
    for (const id of ids) expect(Number.isInteger(id) && id >= 0).toBe(true);
    expect(typeof tokenizer.decode(ids)).toBe('string');
    return true;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The vocabulary is long, and comes last: half of the changes are in what is before it. */
function changedText(text: string, dice: Dice): string {
  let changed = text;
  for (let count = 1 + dice(3); count > 0; count--) {
    const length = dice(2) === 0 ? Math.min(changed.length, 2500) : changed.length;
    changed = mutateText(changed.slice(0, length), dice) + changed.slice(length);
  }
  return changed;
}

fuzz('changed files of a tokenizer', {
  file: 'packages/model-zoo/test/fuzz/tokenizer.fuzz.test.ts',
  attack,
  bytes: 2 ** 24,
});
