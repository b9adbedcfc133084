import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { logitsOf } from '@lorikeet/model-zoo';
import { load, openFairseq } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { notEqual, tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const fixtures = fileURLToPath(new URL('./fixtures/fairseq/', import.meta.url));
const expected = JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as {
  readonly ids: number[][];
  readonly logits: readonly number[];
};

// Before and after queries, keys and values became tensors of their own.
test.each(['old', 'new'])(
  'a RoBERTa of fairseq gives what transformers has it give: %s',
  async (name) => {
    const model = await load(join(fixtures, name));
    const input_ids = tensor(expected.ids, undefined, 'i32');
    const attention_mask = notEqual(input_ids, 1).cast('i32');
    const logits = logitsOf(model.call({ input_ids, attention_mask }, Context.evaluation));
    const values = [...(await logits.data())];
    expect(values.length).toBe(expected.logits.length);
    const worst = values.reduce(
      (most, v, i) => Math.max(most, Math.abs(v - (expected.logits[i] ?? 0))),
      0,
    );
    expect(worst).toBeLessThan(1e-5);
  },
);

test('its dictionary tells what the ids are', async () => {
  const { dictionary, tensors } = await openFairseq(join(fixtures, 'old'));
  expect(dictionary.slice(0, 6)).toEqual(['<s>', '<pad>', '</s>', '<unk>', '100', '101']);
  expect(dictionary.at(-1)).toBe('<mask>');
  await tensors.close();
});

test('what is not that of the model is refused', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fairseq-'));
  try {
    await cp(join(fixtures, 'new'), dir, { recursive: true });
    await writeFile(join(dir, 'dict.txt'), 'a 1\nb 1\n');
    await expect(openFairseq(dir)).rejects.toMatchObject({
      code: 'shape-mismatch',
      received: '7',
    });
    await cp(
      fileURLToPath(new URL('./fixtures/pytorch/module.bin', import.meta.url)),
      join(dir, 'model.pt'),
    );
    await expect(openFairseq(dir)).rejects.toMatchObject({ code: 'unexpected-tensor' });
  } finally {
    await rm(dir, { recursive: true });
  }
  await expect(openFairseq(join(fixtures, 'old'), { head: 'mnli' })).rejects.toMatchObject({
    code: 'no-match',
  });
});
