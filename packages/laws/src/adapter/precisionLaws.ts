import { combine, paths } from '@lorikeet/nn';
import type { Variant } from '@lorikeet/peft-lora';
import { evaluate, grad, isFloat, mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { requireClose } from '../closeness.ts';
import type { Law } from '../law.ts';
import { adapterLaw, numbersOf, outputsOf, split } from './adapterCase.ts';
import type { Probe } from './probe.ts';
import { inSingle } from './throughFile.ts';
import { objective } from './trainingLaws.ts';

/** Roundings of f32, through all that a method computes. */
const tolerance = 1e-4;

/** On a backend without f64 it is what it computes there, against the reference. */
export function computesInSingle<C>(variant: Variant<C>): Law {
  const name = 'computes in f32 what it computes in f64, in outputs and in gradients';
  return adapterLaw(name, variant, async ({ trained, inputs }) => {
    const single = await evaluate(inSingle(trained));
    const given = await evaluate(inputs.map((input) => inDtype(input, 'f32')));
    // Of the same numbers, rounded once.
    const double = await evaluate(mapTensors(single, (leaf) => inDtype(leaf, 'f64')));
    const wide = given.map((input) => inDtype(input, 'f64'));
    requireClose(
      'the output',
      await outputsOf(single, given),
      await outputsOf(double, wide),
      tolerance,
    );
    const [slopes, expected] = [gradientsOf(single, given), gradientsOf(double, wide)];
    for (const [i, [path, slope]] of slopes.entries()) {
      if (slope.dtype !== 'f32') throw new Error(`the derivative by ${path} is in ${slope.dtype}`);
      const wanted = expected[i]?.[1];
      requireClose(
        `the derivative by ${path}`,
        await numbersOf([slope]),
        await numbersOf(wanted === undefined ? [] : [wanted]),
        tolerance,
      );
    }
  });
}

function inDtype(leaf: Tensor, dtype: 'f32' | 'f64'): Tensor {
  return isFloat(leaf.dtype) ? leaf.cast(dtype) : leaf;
}

/** By all that trains, with their paths. */
function gradientsOf(tuned: Probe, inputs: readonly Tensor[]): [string, Tensor][] {
  const [live, frozen] = split(tuned);
  return paths(grad((part: typeof live) => objective(combine(part, frozen), inputs))(live));
}
