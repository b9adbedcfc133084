import { initModel } from '@lorikeet/model-zoo';
import { at } from '@lorikeet/nn';
import { evaluate, randomKey, Tensor } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { withTextEmbeddings } from '../src/pretrain/textEmbeddings.ts';

const config = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  num_hidden_layers: 1,
  num_attention_heads: 2,
  hidden_size: 8,
  intermediate_size: 8,
  vocab_size: 8,
  max_position_embeddings: 4,
};
/** Token 7 is in none. */
const texts = [
  [0, 1, 2],
  [0, 3, 2],
  [4, 5, 4, 6],
];

async function rowsOf(model: unknown, path: string): Promise<number[][]> {
  const leaf = at(model, path);
  if (!(leaf instanceof Tensor)) throw new Error(`${path} is no tensor`);
  const [rows = 0, width = 1] = leaf.shape;
  const values = [...(await leaf.data())];
  return Array.from({ length: rows }, (_, i) => values.slice(i * width, (i + 1) * width));
}

const norm = (row: readonly number[]): number => Math.hypot(...row);
const cosine = (a: readonly number[] = [], b: readonly number[] = []): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / (norm(a) * norm(b));

test('embeddings know of the texts, and are as long as random ones', async () => {
  const random = await evaluate(initModel(config, randomKey(0)));
  const model = await withTextEmbeddings(random, texts, randomKey(1));
  const path = 'bert.embeddings.word_embeddings.weight';
  const [words, before] = [await rowsOf(model, path), await rowsOf(random, path)];
  expect(cosine(words[1], words[3])).toBeGreaterThan(0.99);
  expect(cosine(words[1], words[5])).toBeLessThan(0.5);
  expect(words[7]).toEqual(before[7]);
  const length = before.reduce((sum, row) => sum + norm(row), 0) / before.length;
  for (const row of words.slice(0, 7)) expect(norm(row)).toBeCloseTo(length, 6);
});

test('positions are waves, and the output tells how frequent tokens are', async () => {
  const random = await evaluate(initModel(config, randomKey(0)));
  const model = await withTextEmbeddings(random, texts, randomKey(1));
  const places = await rowsOf(model, 'bert.embeddings.position_embeddings.weight');
  // The waves of two positions depend on their distance alone.
  expect(cosine(places[0], places[1])).toBeCloseTo(cosine(places[2], places[3]), 5);
  expect(cosine(places[0], places[2])).toBeCloseTo(cosine(places[1], places[3]), 5);
  expect(cosine(places[0], places[1])).toBeGreaterThan(cosine(places[0], places[3]));
  const bias = (await rowsOf(model, 'cls.predictions.bias')).flat();
  const counts = [2, 1, 2, 1, 2, 1, 1, 0].map((count) => count + 0.5);
  const all = counts.reduce((sum, count) => sum + count, 0);
  for (const [i, count] of counts.entries()) expect(bias[i]).toBeCloseTo(Math.log(count / all), 5);
});
