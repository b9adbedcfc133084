import { Context } from '@lorikeet/nn';
import { merge, type Variant } from '@lorikeet/peft-lora';
import { isFloat, type Tensor, vjp } from '@lorikeet/tensor-core';
import { requireClose } from '../closeness.ts';
import type { Law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import {
  adaptAll,
  adapterLaw,
  numbersOf,
  outputsOf,
  trainedForm,
  weightsOf,
} from './adapterCase.ts';
import type { Probe } from './probe.ts';

/** Differences of sums in another order, in f64. */
const tolerance = 1e-10;

/** The fast forms give what the meaning gives, which is there without them too. */
export function multipliesAsItMeans<C>(variant: Variant<C>): Law {
  const {
    contract: _,
    gather: _gather,
    convolve: _convolve,
    contractExperts: _contractExperts,
    ...meaning
  } = variant;
  const name = 'gives in its fast forms what its meaning gives';
  return adapterLaw(name, variant, async ({ model, inputs, method, trained }) => {
    const slow = trainedForm(adaptAll(model, { ...method, variant: meaning }));
    const expected = await outputsOf(slow, inputs);
    requireClose('the output', await outputsOf(trained, inputs), expected, tolerance);
  });
}

/** A merged model is the adapted one. */
export function mergesToItself<C>(variant: Variant<C>): Law {
  const name = 'merged gives the same output, and the same gradient of the input';
  return adapterLaw(name, variant, async ({ model, inputs, trained }) => {
    const merged = merge(trained);
    const expected = await outputsOf(trained, inputs);
    requireClose('the output', await outputsOf(merged, inputs), expected, tolerance);
    requireClose(
      'the gradient of the input',
      await inputGradient(merged, inputs),
      await inputGradient(trained, inputs),
      tolerance,
    );
    const shapesOf = (tree: Probe): string => weightsOf(tree).map(String).join(', ');
    if (shapesOf(merged) !== shapesOf(model))
      throw new Error(`merged weights are ${shapesOf(merged)} instead of ${shapesOf(model)}`);
  });
}

async function inputGradient(model: Probe, inputs: readonly Tensor[]): Promise<number[]> {
  const { value, pullback } = vjp(
    (given: readonly Tensor[]) => model.call(given, Context.evaluation),
    inputs,
  );
  const gradient = pullback(value.map(({ shape }, i) => noiseTensor(shape, 60 + i)));
  return await numbersOf(gradient.filter(({ dtype }) => isFloat(dtype)));
}
