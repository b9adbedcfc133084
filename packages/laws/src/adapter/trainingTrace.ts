import { applyUpdates, Context, combine, mapTree, paths, sgd } from '@lorikeet/nn';
import { adapterOptimizer, adapterPenalty, type Variant } from '@lorikeet/peft-lora';
import { cast, randomKey } from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';
import { numbersOf, split } from './adapterCase.ts';
import type { Probe } from './probe.ts';

const steps = 6;

/**
 * What some steps with random gradients leave of the parameters and of what is kept beside them, and what the loss has
 * besides: for a method that has a rule for each step, or a penalty. Nothing for others.
 */
export async function trainingTrace<C>(
  { stepRule, penalty }: Variant<C>,
  tuned: Probe,
): Promise<number[]> {
  if (stepRule === undefined && penalty === undefined) return [];
  const [first, frozen] = split(tuned);
  const optimizer = adapterOptimizer(sgd({ learningRate: 0.01 }));
  let live = first;
  let state = optimizer.init(live);
  const trace = await numbersOf([
    adapterPenalty(combine(live, frozen), Context.training(randomKey(3))),
  ]);
  for (let i = 0; i < steps; i++) {
    let seed = 50 + 10 * i;
    const gradients = mapTree(live, ({ shape }) => noiseTensor(shape, seed++));
    const result = optimizer.update(gradients, state, live);
    live = applyUpdates(live, result.updates);
    state = result.state;
    const leaves = [...paths(live), ...paths(state)].map(([, leaf]) => cast(leaf, 'f64'));
    trace.push(...(await numbersOf(leaves)));
  }
  return trace;
}
