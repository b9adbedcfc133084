import {
  generateGreedy,
  lossOf,
  type Model,
  type ModelInputs,
  type ModelOutputs,
} from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context, combine, partition, paths } from '@lorikeet/nn';
import { compile, type Tensor, tensor, valueAndGradWithAux } from '@lorikeet/tensor-core';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Outputs, loss, gradients and greedy generation of one model. */
export async function* checkModel(_root: string, golden: GoldenCase): AsyncGenerator<ParityRow> {
  const model = await load(golden.dir);
  const inputs = await golden.inputs();

  const wanted = new Set(golden.names('grad.'));
  const [trainable, frozen] = partition(model, (_, place) => wanted.has(place.path));
  const run = compile((part: typeof trainable, given: ModelInputs) =>
    valueAndGradWithAux((tuned: typeof trainable) => {
      const outputs = combine(tuned, frozen).call(given, Context.evaluation);
      return { value: lossOf(outputs), aux: outputs };
    })(part),
  );
  const { aux, gradient } = run(trainable, inputs);
  yield* checkOutputs(golden, aux, inputs);
  for (const [name, leaf] of paths(gradient)) yield await golden.check(`grad.${name}`, leaf);
  if (golden.shapeOf('generate.sequences') !== undefined)
    yield await checkGeneration(golden, model);
  yield* golden.rest();
}

/** Compares every output of a model that the case has under the same name. */
export async function* checkOutputs(
  golden: GoldenCase,
  outputs: ModelOutputs,
  inputs: ModelInputs,
): AsyncGenerator<ParityRow> {
  const named = outputsByName(outputs);
  for (const name of golden.names('output.')) {
    const got = named.get(name);
    if (got !== undefined) yield await golden.check(`output.${name}`, got, inputs.attention_mask);
  }
}

/** Outputs under transformers' names; `hidden_states.0` for the first of a list. */
export function outputsByName(outputs: ModelOutputs): Map<string, Tensor> {
  return new Map(paths(outputs));
}

async function checkGeneration(golden: GoldenCase, model: Model): Promise<ParityRow> {
  const { input_ids, attention_mask } = await golden
    .inputs('generate.')
    .then(({ sequences: _, ...given }: ModelInputs & { sequences?: Tensor }) => given);
  const length = golden.shapeOf('generate.sequences')?.[1] ?? 0;
  const options = { maxNewTokens: length - (input_ids.shape[1] ?? 0) };
  const sequences = await generateGreedy(
    model,
    { input_ids, ...(attention_mask === undefined ? {} : { attention_mask }) },
    options,
  );
  const flat = Int32Array.from(sequences.flat());
  return await golden.check(
    'generate.sequences',
    tensor(flat, [sequences.length, flat.length / sequences.length], 'i32'),
  );
}
