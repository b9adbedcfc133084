import {
  adapt,
  disable,
  isTrainableOf,
  merge,
  setAdapterWeights,
  type Variant,
} from '@lorikeet/peft-lora';
import { evaluate, randomKey } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import {
  adaptAll,
  adapterLaw,
  numbersOf,
  outputsOf,
  settingsOf,
  trainedForm,
  weightsOf,
} from './adapterCase.ts';
import type { Probe } from './probe.ts';

/** Differences of sums in another order, in f64. */
const tolerance = 1e-10;

/** Shares between nothing and all. */
export function mixesEvenly<C>(variant: Variant<C>): Law {
  const name = 'mixes in a straight line from the base to itself';
  return adapterLaw(name, variant, async ({ model, inputs, trained }) => {
    const mixed = (share: number): Probe => setAdapterWeights(trained, { default: share });
    const [base, whole] = [await outputsOf(model, inputs), await outputsOf(trained, inputs)];
    requireClose('the output at 0', await outputsOf(mixed(0), inputs), base, tolerance);
    requireSame('the output at 1', await outputsOf(mixed(1), inputs), whole);
    requireClose(
      'the output at 1/4',
      await outputsOf(mixed(0.25), inputs),
      base.map((value, i) => value + 0.25 * ((whole[i] ?? 0) - value)),
      tolerance,
    );
    requireClose(
      'the merged output at 1/4',
      await outputsOf(merge(mixed(0.25)), inputs),
      await outputsOf(mixed(0.25), inputs),
      tolerance,
    );
  });
}

/** Adapters in different places do not know of each other. */
export function commutesElsewhere<C>(variant: Variant<C>): Law {
  const name = 'commutes with an adapter in another place';
  return adapterLaw(name, variant, async ({ inputs, fresh, model, method }) => {
    const put = (below: Probe, path: string, name: string): Probe =>
      adapt(below, { [path]: method }, { key: randomKey(5), name });
    const [here, there] = model.adapted;
    const forward = put(put(model, here, 'here'), there, 'there');
    const backward = put(put(model, there, 'there'), here, 'here');
    const expected = await outputsOf(forward, inputs);
    requireSame('the output in the other order', await outputsOf(backward, inputs), expected);
    // What places share, or is shared out among them, depends on which they are.
    const configs = (tuned: Probe): string =>
      JSON.stringify(settingsOf(tuned).map(({ config }) => config));
    if (variant.share === undefined && configs(fresh) === configs(forward)) {
      // Parts that are made, and those that are made along the way, may be rounded otherwise.
      const made = await outputsOf(await evaluate(forward), inputs);
      requireSame('the output of both at once', await outputsOf(fresh, inputs), made);
    }
    requireSame(
      'the output without one of them',
      await outputsOf(disable(forward, 'there'), inputs),
      await outputsOf(put(model, here, 'here'), inputs),
    );
  });
}

/** A second adapter starts from what the first made. */
export function stacks<C>(variant: Variant<C>): Law {
  const name = 'stacks: on an adapted weight it does what it does on the merged one';
  return adapterLaw(name, variant, async ({ inputs, trained, method }) => {
    const over = (below: Probe): Probe => {
      const stacked = adaptAll(below, method, { name: 'second', seed: 9 });
      return trainedForm(stacked, 70, isTrainableOf('second'));
    };
    const [nested, sequential] = [over(trained), over(merge(trained))];
    requireClose(
      'the output',
      await outputsOf(nested, inputs),
      await outputsOf(sequential, inputs),
      1e-8,
    );
    requireClose(
      'the weights',
      await numbersOf(weightsOf(nested)),
      await numbersOf(weightsOf(sequential)),
      1e-8,
    );
    requireSame(
      'the output without the second',
      await outputsOf(disable(nested, 'second'), inputs),
      await outputsOf(trained, inputs),
    );
  });
}
