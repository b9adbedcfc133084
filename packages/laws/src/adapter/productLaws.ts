import { Context } from '@lorikeet/nn';
import {
  adapt,
  disable,
  isTrainableOf,
  merge,
  setAdapterWeights,
  type Variant,
} from '@lorikeet/peft-lora';
import { isFloat, randomKey, type Tensor, vjp } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { adaptAll, drawCase, numbersOf, outputsOf, trainedForm, weightsOf } from './adapterCase.ts';
import { numbers, type Probe, probePaths } from './probe.ts';

/** Differences of sums in another order, in f64. */
const tolerance = 1e-10;

/** The fast forms give what the meaning gives. */
export function multipliesAsItMeans<C>(variant: Variant<C>): Law {
  return law('gives in its fast forms what its meaning gives', fc.gen(), async (gen) => {
    const { model, inputs, method, trained } = await drawCase(variant, fastCheckDraw(gen));
    const { contract: _, gather: _gather, convolve: _convolve, ...meaning } = variant;
    const slow = trainedForm(adaptAll(model, { ...method, variant: meaning }));
    requireClose(
      'the output',
      await outputsOf(trained, inputs),
      await outputsOf(slow, inputs),
      tolerance,
    );
  });
}

/** A merged model is the adapted one. */
export function mergesToItself<C>(variant: Variant<C>): Law {
  return law(
    'merged gives the same output, and the same gradient of the input',
    fc.gen(),
    async (gen) => {
      const { model, inputs, trained } = await drawCase(variant, fastCheckDraw(gen));
      const merged = merge(trained);
      requireClose(
        'the output',
        await outputsOf(merged, inputs),
        await outputsOf(trained, inputs),
        tolerance,
      );
      requireClose(
        'the gradient of the input',
        await inputGradient(merged, inputs),
        await inputGradient(trained, inputs),
        tolerance,
      );
      const [shapes, expected] = [merged, model].map((tree) =>
        weightsOf(tree).map(({ shape }) => shape.join()),
      );
      if (shapes?.join(' ') !== expected?.join(' '))
        throw new Error(`merged weights have the shapes ${shapes} instead of ${expected}`);
    },
  );
}

/** Shares between nothing and all. */
export function mixesEvenly<C>(variant: Variant<C>): Law {
  return law('mixes in a straight line from the base to itself', fc.gen(), async (gen) => {
    const { model, inputs, trained } = await drawCase(variant, fastCheckDraw(gen));
    const at = (share: number): Promise<number[]> =>
      outputsOf(setAdapterWeights(trained, { default: share }), inputs);
    const [base, whole, quarter] = [
      await outputsOf(model, inputs),
      await outputsOf(trained, inputs),
      await at(0.25),
    ];
    requireClose('the output at 0', await at(0), base, tolerance);
    requireSame('the output at 1', await at(1), whole);
    requireClose(
      'the output at 1/4',
      quarter,
      base.map((value, i) => value + 0.25 * ((whole[i] ?? 0) - value)),
      tolerance,
    );
    const merged = weightsOf(merge(setAdapterWeights(trained, { default: 0.25 })));
    requireClose(
      'the weights at 1/4',
      await numbersOf(merged),
      await numbersOf(weightsOf(setAdapterWeights(trained, { default: 0.25 }))),
      tolerance,
    );
  });
}

/** Adapters in different places do not know of each other. */
export function commutesElsewhere<C>(variant: Variant<C>): Law {
  return law('commutes with an adapter in another place', fc.gen(), async (gen) => {
    const { inputs, trained, fresh, model, method } = await drawCase(variant, fastCheckDraw(gen));
    const [here, there] = probePaths;
    const put = (below: Probe, path: string, name: string): Probe =>
      adapt(below, { [path]: method }, { key: randomKey(5), name });
    const forward = put(put(model, here, 'here'), there, 'there');
    const backward = put(put(model, there, 'there'), here, 'here');
    requireSame('the output', await outputsOf(forward, inputs), await outputsOf(backward, inputs));
    requireSame(
      'the output of both at once',
      await outputsOf(fresh, inputs),
      await outputsOf(forward, inputs),
    );
    requireSame(
      'the output without a name',
      await outputsOf(disable(trained, 'default'), inputs),
      await outputsOf(model, inputs),
    );
  });
}

/** A second adapter starts from what the first made. */
export function stacks<C>(variant: Variant<C>): Law {
  return law(
    'stacks: on an adapted weight it does what it does on the merged one',
    fc.gen(),
    async (gen) => {
      const { inputs, trained, method } = await drawCase(variant, fastCheckDraw(gen));
      const over = (below: Probe): Probe =>
        trainedForm(
          adaptAll(below, method, { name: 'second', seed: 9 }),
          70,
          isTrainableOf('second'),
        );
      const merged = merge(trained);
      requireClose(
        'the output',
        await outputsOf(over(trained), inputs),
        await outputsOf(over(merged), inputs),
        1e-8,
      );
      requireClose(
        'the weights',
        await numbersOf(weightsOf(over(trained))),
        await numbersOf(weightsOf(over(merged))),
        1e-8,
      );
    },
  );
}

async function inputGradient(model: Probe, inputs: readonly Tensor[]): Promise<number[]> {
  const { value, pullback } = vjp(
    (given: readonly Tensor[]) => model.call(given, Context.evaluation),
    inputs,
  );
  const gradient = pullback(value.map(({ shape }, i) => numbers(shape, 60 + i)));
  return await numbersOf(gradient.filter(({ dtype }) => isFloat(dtype)));
}
