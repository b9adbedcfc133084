import { sumToShape } from '../autograd.ts';
import { batchLoop } from '../batching.ts';
import { recordCustomCall } from '../customCall.ts';
import { LorikeetError } from '../errors.ts';
import type { Attributes, Composite } from '../op.ts';
import { broadcastTo } from '../ops/movement/broadcastTo.ts';
import { moveAxis } from '../ops/movement/moveAxis.ts';
import { sum } from '../ops/reduce/sum.ts';
import { record } from '../record.ts';
import { type Replay, replay } from '../replay.ts';
import { Tensor } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, unflattenTree } from '../tree.ts';
import { formatType, type TensorType } from '../type.ts';

export interface VmapOptions {
  /**
   * For each argument the axis of its tensors that the batch runs along, or `null` if all calls share it.
   * Defaults to 0 for all.
   */
  readonly inAxes?: readonly (number | null)[];
}

/**
 * A function that does for a whole batch what `fn` does for one: the same as calling it in a loop and stacking
 * the results, but in as many ops as one call.
 *
 * @param fn from trees of tensors to a tree of tensors; it is called once, and sees tensors without the batch
 *   axis.
 * @returns a function of the same arguments with a batch axis each; all its results have the batch as first axis.
 * @throws LorikeetError `shape-mismatch` if batches differ in length, `invalid-argument` if there is none.
 */
export function vmap<Args extends readonly unknown[], Out>(
  fn: (...args: Args) => Out,
  { inAxes }: VmapOptions = {},
): (...args: Args) => Out {
  return (...args) => {
    const batched = new Set<Tensor>();
    const replaced = new Map<Tensor, Tensor>();
    const ones = args.map((arg, i) => {
      const axis = inAxes === undefined ? 0 : (inAxes[i] ?? null);
      if (axis === null) return arg;
      const { leaves, structure } = flattenTree(arg);
      const placeholders = leaves.map((leaf) => {
        const whole = moveAxis(leaf, axis, 0);
        const one = placeholderOf({ dtype: leaf.dtype, shape: whole.shape.slice(1) });
        batched.add(whole);
        replaced.set(one, whole);
        return one;
      });
      return unflattenTree(structure, placeholders);
    });
    const size = batchSize([...batched]);
    const result = trace(() => fn(...(ones as unknown as Args)));
    const { leaves, structure } = flattenTree(result);
    const whole = replay(leaves, batchReplay(replaced, batched, size)).map((output) =>
      batched.has(output) ? output : broadcastTo(output, [size, ...output.shape]),
    );
    return unflattenTree(structure, whole) as Out;
  };
}

/** Each call for the whole batch, if one of its operands is a batch. */
function batchReplay(replaced: Map<Tensor, Tensor>, batched: Set<Tensor>, size: number): Replay {
  const how: Replay = {
    replaced,
    recall({ op, attributes }, inputs) {
      const isBatched = inputs.map((input) => batched.has(input));
      if (!isBatched.includes(true)) return record(op, inputs, attributes);
      if (op.kind === 'composite' && op.batch === undefined) return mapBody(op, attributes, inputs);
      const rule = op.batch === 'loop' || op.batch === undefined ? batchLoop : op.batch;
      const result = rule({ op, inputs, isBatched, size, attributes });
      batched.add(result);
      return result;
    },
    isSame(original, copy) {
      if (batched.has(original)) batched.add(copy);
    },
    fit(derivative, input) {
      if (batched.has(derivative) === batched.has(input)) return derivative;
      return batched.has(input) ? broadcastTo(derivative, input.shape) : sum(derivative, 0);
    },
  };

  /** A composite without a rule is its body, with its own derivative if it has one. */
  const mapBody = (
    { body, derivative }: Composite,
    attributes: Attributes,
    inputs: readonly Tensor[],
  ): Tensor => {
    const ones = inputs.map((input) => {
      if (!batched.has(input)) return input;
      const one = placeholderOf({ dtype: input.dtype, shape: input.shape.slice(1) });
      replaced.set(one, input);
      return one;
    });
    const output = trace(() => body(ones, attributes));
    if (derivative === undefined) return replayOne(output);
    const [custom] = recordCustomCall({
      results: [output],
      inputs: ones,
      captured: [],
      pullback: ([gradient]) =>
        derivative({ inputs: ones, output, gradient: gradient as Tensor, attributes }).map(
          (part, i) => part && sumToShape(part, (ones[i] as Tensor).shape),
        ),
    });
    return replayOne(custom as Tensor);
  };
  const replayOne = (tensor: Tensor): Tensor => replay([tensor], how)[0] as Tensor;
  return how;
}

function placeholderOf(type: TensorType): Tensor {
  return new Tensor(type, { kind: 'placeholder' });
}

function batchSize(batches: readonly Tensor[]): number {
  const [first] = batches;
  if (first === undefined) {
    throw new LorikeetError('invalid-argument', 'vmap: no argument has a batch', {
      hint: 'give at least one argument with tensors, and an axis for it in inAxes',
    });
  }
  const size = first.shape[0] as number;
  const other = batches.find(({ shape }) => shape[0] !== size);
  if (other === undefined) return size;
  throw new LorikeetError('shape-mismatch', 'vmap: the batches differ in length', {
    expected: `${size}, as of ${formatType(first.type)}`,
    received: `${other.shape[0]}, of ${formatType(other.type)}`,
  });
}
