import { at, Linear, materialize, replaceAt } from '@lorikeet/nn';
import { merge } from '@lorikeet/peft-lora';
import { normal, randomKey, sub, Tensor } from '@lorikeet/tensor-core';

/** The smallest model that can be adapted. */
export interface OneLayer {
  readonly part: Linear;
}

export function oneLayer(out: number, inputs: number): OneLayer {
  return { part: new Linear(normal(randomKey(1), [out, inputs]), null) };
}

/** What an adapter adds to the weight. */
export function changeOf(model: OneLayer, tuned: OneLayer): Tensor {
  return sub(materialize(merge(tuned).part.weight), materialize(model.part.weight));
}

/** A tensor of the adapter on the layer. */
export function tensorOf(tuned: OneLayer, name: string): Tensor {
  const found = at(tuned, `part.weight.${name}`);
  if (found instanceof Tensor) return found;
  throw new Error(`the adapter has no tensor ${name}`);
}

/** The adapter with other values of some parameters. */
export function withParameters(
  tuned: OneLayer,
  values: Readonly<Record<string, Tensor>>,
): OneLayer {
  return Object.entries(values).reduce(
    (tree, [name, value]) => replaceAt(tree, `part.weight.parameters.${name}`, value),
    tuned,
  );
}
