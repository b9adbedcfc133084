import { batchedInputs, batchLoop } from '../../batching.ts';
import type { Primitive } from '../../op.ts';
import { operand } from '../../operand.ts';
import { record } from '../../record.ts';
import { forEachUpdate, inferScatter, sampleScatter } from '../../scatterUpdates.ts';
import { normalizeAxis } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gather } from './gather.ts';

export type ScatterAddAttributes = { readonly axis: number };

export const scatterAddOp: Primitive<ScatterAddAttributes> = {
  kind: 'primitive',
  name: 'scatterAdd',
  infer: (inputs, { axis }) => inferScatter('scatterAdd', inputs, axis),
  evaluate(inputs, { axis }, output) {
    const [x, updates] = [operand(inputs, 0), operand(inputs, 2)];
    output.data.set(x.data);
    forEachUpdate('scatterAdd', inputs, axis, (from, to, length) => {
      for (let k = 0; k < length; k++) {
        const total = (output.data[to + k] as number) + (updates.data[from + k] as number);
        output.data[to + k] = total;
      }
    });
  },
  derivative({ inputs, gradient, attributes: { axis } }) {
    return [gradient, null, gather(gradient, operand(inputs, 1), axis)];
  },
  batch: (args) => {
    if (args.isBatched[1] === true) return batchLoop(args);
    const [x, , updates] = batchedInputs(args) as [Tensor, Tensor, Tensor];
    return scatterAdd(x, operand(args.inputs, 1), updates, args.attributes.axis + 1);
  },
  sample: sampleScatter,
};

/**
 * `x` with `updates` added to its slices at `indices` along `axis`; what is named twice is added twice.
 * The derivative of `gather`.
 */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  return record(scatterAddOp, [x, indices, updates], {
    axis: normalizeAxis('scatterAdd', axis, x.rank),
  });
}
