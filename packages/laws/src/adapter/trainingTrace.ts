import { applyUpdates, Context, combine, paths, sgd } from '@lorikeet/nn';
import { adapterOptimizer, adapterPenalty, type Variant } from '@lorikeet/peft-lora';
import { add, cast, full, grad, type Tensor } from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';
import { numbersOf, split } from './adapterCase.ts';
import type { Probe } from './probe.ts';

const steps = 6;

/**
 * What some steps of training leave of the parameters and of what is kept beside them, for a method that has a part in
 * them: a rule for each step, or a penalty. Nothing for others.
 */
export async function trainingTrace<C>(
  { stepRule, penalty }: Variant<C>,
  tuned: Probe,
  inputs: readonly Tensor[],
): Promise<number[]> {
  if (stepRule === undefined && penalty === undefined) return [];
  const [first, frozen] = split(tuned);
  const loss = (live: typeof first): Tensor => {
    const model = combine(live, frozen);
    const terms = model
      .call(inputs, Context.evaluation)
      .map((output, i) => output.mul(noiseTensor(output.shape, 90 + i)).sum());
    return [adapterPenalty(model), ...terms].reduce(
      (sum, term) => add(sum, term),
      full([], 0, 'f64'),
    );
  };
  const optimizer = adapterOptimizer(sgd({ learningRate: 0.01 }));
  let live = first;
  let state = optimizer.init(live);
  const trace: number[] = [];
  for (let i = 0; i < steps; i++) {
    const result = optimizer.update(grad(loss)(live), state, live);
    live = applyUpdates(live, result.updates);
    state = result.state;
    const leaves = [...paths(live), ...paths(state)].map(([, leaf]) => cast(leaf, 'f64'));
    trace.push(...(await numbersOf(leaves)));
  }
  return trace;
}
