import { initModel, logitsOf, lossOf, type Model } from '@lorikeet/model-zoo';
import {
  adamw,
  applyUpdates,
  Context,
  combine,
  type Optimizer,
  partition,
  paths,
  type QuantizeSpec,
  quantizeWeights,
} from '@lorikeet/nn';
import { adapt, isTrainable, lora, merge } from '@lorikeet/peft-lora';
import {
  abs,
  byteLengthOf,
  compile,
  evaluate,
  max,
  randomKey,
  type Tensor,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const config = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 100,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 64,
  max_position_embeddings: 8,
  initializer_range: 0.2,
};
const inputs = {
  input_ids: tensor([1, 2, 3, 4, 9, 8, 7, 0], [2, 4], 'i32'),
  labels: tensor([0, 1], [2], 'i32'),
};
const model: Model = await evaluate(initModel(config, randomKey(2)));
const linear = '**.{query,key,value,dense}';

const bytesOf = (tree: unknown): number =>
  paths(tree).reduce((total, [, { dtype, size }]) => total + byteLengthOf(dtype, size), 0);
const logits = (tree: Model): Tensor => logitsOf(tree.call(inputs, Context.evaluation));
const difference = (a: Tensor, b: Tensor): Promise<number> => max(abs(a.sub(b))).item();

test.each<[string, QuantizeSpec, share: number, error: number]>([
  ['i8', { [linear]: { dtype: 'i8', blockSize: 128 } }, 0.45, 0.1],
  [
    'u4, with its table of words',
    {
      [linear]: { dtype: 'u4', blockSize: 16, symmetric: false },
      '**.word_embeddings': { dtype: 'u4', blockSize: 32 },
    },
    0.25,
    0.6,
  ],
])('LoRA trains A and B on a BERT in %s', async (_, spec, share, error) => {
  const small = quantizeWeights(model, spec);
  expect(bytesOf(small)).toBeLessThan(share * bytesOf(model));
  expect(await difference(logits(small), logits(model))).toBeLessThan(error);

  const tuned = adapt(small, { '**.{query,value}': lora({ rank: 4 }) });
  const [start, frozen] = partition(tuned, isTrainable);
  const optimizer: Optimizer = adamw({ learningRate: 0.01 });
  const loss = valueAndGrad((part: typeof start) =>
    lossOf(combine(part, frozen).call(inputs, Context.evaluation)),
  );
  const step = compile((part: typeof start, state: unknown) => {
    const { value, gradient } = loss(part);
    const next = optimizer.update(gradient, state, part);
    return { value, gradient, part: applyUpdates(part, next.updates), state: next.state };
  });

  let [part, state]: [typeof start, unknown] = [start, optimizer.init(start)];
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) {
    const result = await evaluate(step(part, state));
    losses.push(await result.value.item());
    const gradients = paths(result.gradient);
    expect(gradients).toHaveLength(2 * 2 * 2);
    for (const [path, gradient] of gradients) {
      expect(path).toMatch(/\.(query|value)\.weight\.parameters\.[AB]$/);
      expect((await gradient.data()).every(Number.isFinite)).toBe(true);
    }
    ({ part, state } = result);
  }
  expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] ?? 0));

  const trained = combine(part, frozen);
  expect(await difference(logits(merge(trained)), logits(trained))).toBeLessThan(1e-4);
});
