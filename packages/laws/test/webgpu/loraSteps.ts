import { initModel, lossOf } from '@lorikeet/model-zoo';
import { adamw, applyUpdates, Context, combine, partition, paths } from '@lorikeet/nn';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import {
  compile,
  evaluate,
  randomKey,
  type TypedArray,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';

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
const optimizer = adamw({ learningRate: 0.01 });

/** The losses of three steps of LoRA on a small BERT, and the adapter after them. */
export async function loraSteps(): Promise<ReadonlyMap<string, TypedArray>> {
  const inputs = {
    input_ids: tensor([1, 2, 3, 4, 9, 8, 7, 0], [2, 4], 'i32'),
    labels: tensor([0, 1], [2], 'i32'),
  };
  const tuned = adapt(initModel(config, randomKey(2)), {
    '**.{query,value,dense}': lora({ rank: 4 }),
  });
  const [initial, frozen] = await evaluate(partition(tuned, isTrainable));
  const loss = (part: typeof initial) =>
    lossOf(combine(part, frozen).call(inputs, Context.evaluation));
  const step = compile(
    (part: typeof initial, state: readonly unknown[]) => {
      const { value, gradient } = valueAndGrad(loss)(part);
      const next = optimizer.update(gradient, state, part);
      return { value, part: applyUpdates(part, next.updates), state: next.state };
    },
    { donate: [0, 1] },
  );

  const results = new Map<string, TypedArray>();
  let { part, state } = await evaluate({ part: initial, state: optimizer.init(initial) });
  for (let i = 0; i < 3; i++) {
    const next = step(part, state);
    results.set(`loss ${i}`, await next.value.data());
    ({ part, state } = next);
  }
  for (const [path, leaf] of paths(part)) results.set(path, await leaf.data());
  return results;
}
