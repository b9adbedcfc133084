import { initModel, lossOf } from '@lorikeet/model-zoo';
import { Context, combine, partition, paths, quantizeWeights } from '@lorikeet/nn';
import { adapt, isTrainable, lora } from '@lorikeet/peft-lora';
import {
  type Backend,
  compile,
  evaluate,
  type QuantizeOptions,
  randomKey,
  type TypedArray,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
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

/** The loss of a tiny BERT, and the gradients of LoRA on it by path, on a base that may be quantised. */
export async function loraSlopes(
  backend: Backend,
  options?: QuantizeOptions,
): Promise<ReadonlyMap<string, TypedArray>> {
  return on(backend, async () => {
    const plain = initModel(config, randomKey(2));
    const weights = '**.{query,key,value,dense,word_embeddings}';
    const base = options === undefined ? plain : quantizeWeights(plain, { [weights]: options });
    const tuned = adapt(base, { '**.{query,value,dense}': lora({ rank: 4 }) });
    // Computed first, so that what is frozen is a constant.
    const [live, frozen] = await evaluate(partition(tuned, isTrainable));
    const loss = (part: typeof live) =>
      lossOf(combine(part, frozen).call(inputs, Context.evaluation));
    const { value, gradient } = compile(valueAndGrad(loss))(live);
    const slopes = new Map([['loss', await value.data()]]);
    for (const [path, slope] of paths(gradient)) slopes.set(path, await slope.data());
    return slopes;
  });
}
