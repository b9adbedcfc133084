import type { Attributes, Batch, BatchArguments } from './op.ts';
import { full } from './ops/create/full.ts';
import { broadcastTo } from './ops/movement/broadcastTo.ts';
import { concat } from './ops/movement/concat.ts';
import { reshape } from './ops/movement/reshape.ts';
import { sliceAxis } from './ops/movement/slice.ts';
import { record } from './record.ts';
import type { ReductionAttributes } from './reduction.ts';
import type { Tensor } from './tensor.ts';

// Function declarations, since ops and this file import each other: they are there before either has run.

/** The rule of an elementwise op: operands of fewer axes get sides of 1 behind the batch, so that they broadcast as before. */
export function batchElementwise(args: BatchArguments<Attributes>): Tensor {
  const { op, inputs, isBatched, attributes } = args;
  const rankOf = (input: Tensor, i: number): number => input.rank - (isBatched[i] === true ? 1 : 0);
  const rank = Math.max(0, ...inputs.map(rankOf));
  const aligned = inputs.map((input, i) => {
    if (isBatched[i] !== true || input.rank === rank + 1) return input;
    const [size = 0, ...shape] = input.shape;
    const ones = new Array<number>(rank - shape.length).fill(1);
    return reshape(input, [size, ...ones, ...shape]);
  });
  return record(op, aligned, attributes);
}

/** A rule that gives every operand the batch axis and changes the attributes to stand for the axes behind it. */
export function batchWith<A extends Attributes>(
  shift: (attributes: A, size: number) => A,
): Batch<A> {
  return (args) => record(args.op, batchedInputs(args), shift(args.attributes, args.size));
}

/** The rule of a reduction over some axes. */
export function batchAxes(args: BatchArguments<ReductionAttributes>): Tensor {
  const axes = args.attributes.axes.map((axis) => axis + 1);
  return record(args.op, batchedInputs(args), { ...args.attributes, axes });
}

/** The rule of an op along one axis. */
export function batchAxis(args: BatchArguments<{ readonly axis: number }>): Tensor {
  const { attributes } = args;
  return record(args.op, batchedInputs(args), { ...attributes, axis: attributes.axis + 1 });
}

/** All operands with the batch axis; those without it are repeated along it. */
export function batchedInputs<A>({ inputs, isBatched, size }: BatchArguments<A>): Tensor[] {
  return inputs.map((input, i) =>
    isBatched[i] === true ? input : broadcastTo(input, [size, ...input.shape]),
  );
}

/** Calls the op once for each of the batch: what `'loop'` stands for, and a way out for rules that leave a case out. */
export function batchLoop(args: BatchArguments<Attributes>): Tensor {
  const { op, inputs, isBatched, size, attributes } = args;
  if (size === 0) {
    const anyOperands = inputs.map((input, i) =>
      isBatched[i] === true ? full(input.shape.slice(1), 0, input.dtype) : input,
    );
    const { dtype, shape } = record(op, anyOperands, attributes);
    return full([0, ...shape], 0, dtype);
  }
  const results = Array.from({ length: size }, (_, index) => {
    const operands = inputs.map((input, i) =>
      isBatched[i] === true ? reshape(sliceAxis(input, 0, index, 1), input.shape.slice(1)) : input,
    );
    const result = record(op, operands, attributes);
    return reshape(result, [1, ...result.shape]);
  });
  return concat(results, 0);
}
