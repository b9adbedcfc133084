import { applyUpdates, type Optimizer } from '@lorikeet/nn';
import { type DType, evaluate, tensor } from '@lorikeet/tensor-core';
import { numbers } from './support.ts';

const start = {
  w: [
    [1, -2, 0.5],
    [3, 0.25, -1],
  ],
  b: [0.5, -4],
};
const gradients = [
  {
    w: [
      [3, -1, 0.5],
      [0.2, 2, -1],
    ],
    b: [0.1, -2],
  },
  {
    w: [
      [-1, 0.5, 2],
      [1, -0.3, 0.7],
    ],
    b: [3, 1],
  },
];
const treeOf = ({ w, b }: typeof start, dtype: DType) => ({
  w: tensor(w.flat(), [2, 3], dtype),
  b: tensor(b, [2], dtype),
});

/** A matrix and a vector after each of two steps. */
export async function walk(optimizer: Optimizer, dtype: DType): Promise<number[][]> {
  let parameters = treeOf(start, dtype);
  let state = optimizer.init(parameters);
  const trace: number[][] = [];
  for (const given of gradients) {
    const next = optimizer.update(treeOf(given, dtype), state, parameters);
    [parameters, state] = await evaluate([applyUpdates(parameters, next.updates), next.state]);
    trace.push([...(await numbers(parameters.w)), ...(await numbers(parameters.b))]);
  }
  return trace;
}

/** The same in plain numbers: `rule` gives a function for each parameter that tells its value after a step. */
export function plain(rule: () => (w: number, g: number) => number): number[][] {
  let values = [...start.w.flat(), ...start.b];
  const rules = values.map(rule);
  return gradients.map(({ w, b }) => {
    const slopes = [...w.flat(), ...b];
    values = values.map((value, i) => rules[i]?.(value, slopes[i] ?? NaN) ?? NaN);
    return values;
  });
}
