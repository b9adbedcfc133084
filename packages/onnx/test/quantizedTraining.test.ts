import { requireClose } from '@lorikeet/laws';
import { initModel, lossOf } from '@lorikeet/model-zoo';
import { Context, combine, partition, paths, quantizeWeights } from '@lorikeet/nn';
import { createNodeBackend } from '@lorikeet/onnx/node';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import {
  type Backend,
  compile,
  createReferenceBackend,
  evaluate,
  type QuantizeOptions,
  randomKey,
  type TypedArray,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { on } from './on.ts';

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

/** The loss and the gradients of adapters on a quantised base. */
async function slopesOn(
  backend: Backend,
  options: QuantizeOptions,
): Promise<Map<string, TypedArray>> {
  return on(backend, async () => {
    const base = quantizeWeights(initModel(config, randomKey(2)), {
      '**.{query,key,value,dense,word_embeddings}': options,
    });
    const tuned = adapt(base, { '**.{query,value,dense}': lora({ rank: 4 }) });
    // Both are computed first, so that what is frozen is a constant.
    const [live, frozen] = await evaluate(partition(tuned, isTrainable));
    const step = compile((part: typeof live) =>
      valueAndGrad((own: typeof live) =>
        lossOf(combine(own, frozen).call(inputs, Context.evaluation)),
      )(part),
    );
    const { value, gradient } = step(live);
    const slopes = new Map([['loss', await value.data()]]);
    for (const [path, slope] of paths(gradient)) slopes.set(path, await slope.data());
    return slopes;
  });
}

test.each<QuantizeOptions>([
  { dtype: 'u4', blockSize: 16, symmetric: false },
  { dtype: 'i4', blockSize: 32 },
  { dtype: 'i8', blockSize: 16 },
  { dtype: 'u8', blockSize: 12, symmetric: false },
])('LoRA on a BERT in $dtype has the gradients of the reference', async (options) => {
  const expected = await slopesOn(createReferenceBackend(), options);
  const slopes = await slopesOn(createNodeBackend({ threads: 1 }), options);
  expect([...slopes.keys()]).toEqual([...expected.keys()]);
  expect(slopes.size).toBeGreaterThan(10);
  for (const [path, slope] of slopes) requireClose(path, slope, expected.get(path) ?? [], 1e-5);
});
