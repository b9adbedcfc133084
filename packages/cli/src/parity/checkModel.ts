import { generate, type Model, type TokenInputs } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { Context, partition, paths } from '@lorikeet/nn';
import { compile, type Tensor, tensor } from '@lorikeet/tensor-core';
import { checkOutputs, forwardAndGradient } from './forward.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** Outputs, loss, gradients and greedy generation of one model. */
export async function* checkModel(_root: string, golden: GoldenCase): AsyncGenerator<ParityRow> {
  const model = await load(golden.dir);
  const inputs = await golden.inputs();

  const wanted = new Set(golden.names('grad.'));
  if (wanted.size === 0) {
    // A model without a head has no loss.
    const run = compile((live: Model) => live.call(inputs, Context.evaluation));
    yield* checkOutputs(golden, run(model), inputs);
  } else {
    const [trainable, frozen] = partition(model, (_, place) => wanted.has(place.path));
    const { outputs, gradient } = forwardAndGradient(trainable, frozen, inputs);
    yield* checkOutputs(golden, outputs, inputs);
    for (const [name, leaf] of paths(gradient)) yield await golden.check(`grad.${name}`, leaf);
  }
  if (golden.shapeOf('generate.sequences') !== undefined)
    yield await checkGeneration(golden, model);
  yield* golden.rest();
}

async function checkGeneration(golden: GoldenCase, model: Model): Promise<ParityRow> {
  const { input_ids, attention_mask } = await golden
    .inputs('generate.')
    .then(({ sequences: _, ...given }: TokenInputs & { sequences?: Tensor }) => given);
  const length = golden.shapeOf('generate.sequences')?.[1] ?? 0;
  // A decoder beside an encoder starts with one token of its own, and not with the prompt.
  const given = model.decoderStart === undefined ? (input_ids.shape[1] ?? 0) : 1;
  const options = { max_new_tokens: length - given, eos_token_id: null };
  const { sequences } = await generate(
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
