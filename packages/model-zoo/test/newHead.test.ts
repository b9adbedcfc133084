import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headOf, logitsOf, lossOf } from '@lorikeet/model-zoo';
import { load, loadConfig, save } from '@lorikeet/model-zoo/node';
import { trainTokenizer } from '@lorikeet/model-zoo/tokenizers';
import { Context, paths } from '@lorikeet/nn';
import { type Tensor, tensor } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { expect, test } from 'vitest';

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
const integers = (rows: readonly (readonly number[])[]): Tensor => tensor(rows, undefined, 'i32');

test('a new head takes the base of a checkpoint with another one, and is random itself', async () => {
  const own = await load(golden('bert-mlm'));
  const model = await load(golden('bert-mlm'), { head: 'token-classification', newHead: true });
  const kept = new Map(paths(own));
  const [mine, fresh] = [
    paths(model).filter(([path]) => kept.has(path)),
    paths(model).filter(([path]) => !kept.has(path)),
  ];
  expect(fresh.map(([path]) => path)).toEqual(['classifier.weight', 'classifier.bias']);
  for (const [path, leaf] of mine.slice(0, 3))
    expect([...(await leaf.data())]).toEqual([...((await kept.get(path)?.data()) ?? [])]);
});

test('a new head allows nothing else to be missing', async () => {
  const file = { config: { num_hidden_layers: 9 } };
  await expect(
    load(golden('bert-mlm'), { ...file, head: 'token-classification', newHead: true }),
  ).rejects.toMatchObject({ code: 'missing-tensor' });
  await expect(load(golden('bert-mlm'), { head: 'token-classification' })).rejects.toMatchObject({
    code: 'missing-tensor',
  });
});

test('a config tells what its head is for', async () => {
  expect(headOf(await loadConfig(golden('bert-mlm')))).toBe('masked-lm');
  expect(headOf(await loadConfig(golden('gpt2-lm')))).toBe('causal-lm');
  expect(headOf({ model_type: 'bert' })).toBeUndefined();
});

test('of masked words, logits and loss of some places of each row are those of all', async () => {
  const model = await load(golden('bert-mlm'));
  const input_ids = integers([
    [5, 6, 7, 8],
    [9, 8, 7, 6],
  ]);
  const all = model.call(
    {
      input_ids,
      labels: integers([
        [-100, 3, -100, 4],
        [2, -100, -100, 1],
      ]),
    },
    Context.evaluation,
  );
  const some = model.call(
    {
      input_ids,
      logits_to_keep: integers([
        [1, -1],
        [0, 3],
      ]),
      labels: integers([
        [3, 4],
        [2, 1],
      ]),
    },
    Context.evaluation,
  );
  const [whole, part] = [logitsOf(all), logitsOf(some)];
  const width = whole.shape[2] ?? 0;
  const [data, kept] = [await whole.data(), [...(await part.data())]];
  const wanted = [1, 3, 4, 7].flatMap((row) => [...data.slice(row * width, (row + 1) * width)]);
  for (const [i, value] of kept.entries()) expect(value).toBeCloseTo(wanted[i] ?? Number.NaN, 5);
  expect((await lossOf(some).data())[0]).toBeCloseTo((await lossOf(all).data())[0] ?? 0, 5);
});

test('a model is saved in half precision, rounded once, and says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'half-'));
  try {
    const model = await load(golden('bert-mlm'));
    await save(model, folder, { dtype: 'f16' });
    const file = await openSafetensors(folder);
    expect(new Set([...file.entries.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
    await file.close();
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    expect(config.dtype ?? config.torch_dtype).toBe('float16');
    const again = new Map(paths(await load(folder)));
    for (const [path, leaf] of paths(model).slice(0, 4)) {
      const [exact, rounded] = [await leaf.data(), (await again.get(path)?.data()) ?? []];
      exact.forEach((value: number, i: number) => {
        expect(Math.abs((rounded[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(
          Math.abs(value) * 2 ** -11 + 2 ** -25,
        );
      });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a new tokenizer may end its texts', () => {
  const special = { pad: '<pad>', eos: '</s>', unk: '<unk>' };
  const options = { kind: 'wordpiece', vocabSize: 40, special, endsTexts: true } as const;
  const tokenizer = trainTokenizer(['a b c', 'c b'], options);
  expect(tokenizer.encode('a b').ids.at(-1)).toBe(tokenizer.idOf('</s>'));
  const { ids } = tokenizer.encode('a', { pair: 'b' });
  expect(ids.filter((id) => id === tokenizer.idOf('</s>'))).toHaveLength(2);
});
