import type { Context } from '@lorikeet/nn';
import {
  add,
  concat,
  dot,
  flip,
  foldIn,
  mul,
  sigmoid,
  sliceAxis,
  type Tensor,
  tanh,
  uniform,
  zeros,
} from '@lorikeet/tensor-core';
import { parameterOf } from '../parameterOf.ts';
import type { Tensors } from '../variant.ts';

export interface LstmSizes {
  readonly input: number;
  readonly hidden: number;
  readonly layers: number;
}

/** First values of an LSTM that reads both ways, under PyTorch's names and in its range. */
export function initLstm({ input, hidden, layers }: LstmSizes, key: Tensor): Tensors {
  const bound = 1 / Math.sqrt(hidden);
  const weights: Record<string, Tensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const end of ['', '_reverse']) {
      const inputs = layer === 0 ? input : 2 * hidden;
      const shapes = {
        weight_ih: [4 * hidden, inputs],
        weight_hh: [4 * hidden, hidden],
        bias_ih: [4 * hidden],
        bias_hh: [4 * hidden],
      };
      for (const [name, shape] of Object.entries(shapes)) {
        const label = `${name}_l${layer}${end}`;
        weights[label] = uniform(foldIn(key, label), shape, -bound, bound);
      }
    }
  }
  return weights;
}

/**
 * A long short-term memory that reads both ways, layer upon layer. Hochreiter and Schmidhuber 1997.
 *
 * @param x [T, D]
 * @param dropout between layers.
 * @returns [T, 2 H]: what was read forwards and backwards.
 */
export function lstm(
  x: Tensor,
  weights: Tensors,
  { hidden, layers }: LstmSizes,
  dropout: number,
  context: Context,
): Tensor {
  let state = x;
  for (let layer = 0; layer < layers; layer++) {
    if (layer > 0) state = context.child(layer).dropout(state, dropout);
    const forwards = read(state, weights, `l${layer}`, hidden);
    const backwards = flip(read(flip(state, 0), weights, `l${layer}_reverse`, hidden), 0);
    state = concat([forwards, backwards], 1);
  }
  return state;
}

/** [T, D] to [T, H], from first to last. */
function read(x: Tensor, weights: Tensors, end: string, hidden: number): Tensor {
  const weight = (name: string): Tensor => parameterOf(weights, `${name}_${end}`);
  const time = x.shape[0] ?? 0;
  const product = (input: Tensor, matrix: Tensor): Tensor =>
    dot(input, matrix, { contract: [[1], [1]] });
  const entering = add(add(product(x, weight('weight_ih')), weight('bias_ih')), weight('bias_hh')); // [T, 4H]
  const states: Tensor[] = [];
  let [cell, output] = [zeros([1, hidden], x.dtype), zeros([1, hidden], x.dtype)];
  for (let t = 0; t < time; t++) {
    const sums = add(sliceAxis(entering, 0, t, 1), product(output, weight('weight_hh'))); // [1, 4H]
    const gate = (index: number): Tensor => sliceAxis(sums, 1, index * hidden, hidden);
    // PyTorch's order: input, forget, cell, output.
    const written = mul(sigmoid(gate(0)), tanh(gate(2)));
    cell = add(mul(sigmoid(gate(1)), cell), written);
    output = mul(sigmoid(gate(3)), tanh(cell));
    states.push(output);
  }
  return concat(states, 0);
}
