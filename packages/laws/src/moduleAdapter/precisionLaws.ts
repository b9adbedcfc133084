import { Context, combine, partition, paths } from '@lorikeet/nn';
import { isTrainable, type ModuleVariant } from '@lorikeet/peft-lora';
import {
  evaluate,
  isFloat,
  mapTensors,
  type Tensor,
  valueAndGradWithAux,
} from '@lorikeet/tensor-core';
import { requireClose } from '../closeness.ts';
import type { Law } from '../law.ts';
import {
  callReader,
  inSingle,
  labelledInputs,
  moduleAdapterLaw,
  numbersIn,
  scalarOf,
} from './moduleAdapterCase.ts';
import type { Reader } from './reader.ts';

/** Roundings of f32, through all that a method and the model compute. */
const tolerance = 1e-4;

/** On a backend without f64 it is what it computes there, against the reference. */
export function computesInSingle<C>(variant: ModuleVariant<C>): Law {
  const name = 'computes in f32 what it computes in f64, in outputs and in gradients';
  return moduleAdapterLaw(name, variant, async ({ trained }) => {
    const single = await evaluate(inSingle(trained));
    // Of the same numbers, rounded once.
    const double = await evaluate(mapTensors(single, inDouble));
    const [found, expected] = [await evaluate(results(single)), await evaluate(results(double))];
    for (const [i, [what, result]] of found.entries()) {
      if (result.dtype !== 'f32') throw new Error(`${what} is in ${result.dtype}`);
      const wanted = expected[i]?.[1];
      requireClose(
        what,
        await numbersIn([result]),
        await numbersIn(wanted === undefined ? [] : [wanted]),
        tolerance,
      );
    }
  });
}

function inDouble(leaf: Tensor): Tensor {
  return isFloat(leaf.dtype) ? leaf.cast('f64') : leaf;
}

/** What a reader gives, and the derivatives by all that trains, in one graph. */
function results(tuned: Reader): [string, Tensor][] {
  const [live, frozen] = partition(tuned, isTrainable);
  const { aux, gradient } = valueAndGradWithAux((part: typeof live) => {
    const outputs = callReader(combine(part, frozen), labelledInputs, Context.evaluation);
    return { value: scalarOf(outputs), aux: outputs };
  })(live);
  const { logits, loss } = aux;
  return [
    ['the output', logits],
    ...(loss === undefined ? [] : [['the loss', loss] satisfies [string, Tensor]]),
    ...paths(gradient).map<[string, Tensor]>(([path, slope]) => [
      `the derivative by ${path}`,
      slope,
    ]),
  ];
}
