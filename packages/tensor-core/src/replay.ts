import { recordCustomCall } from './customCall.ts';
import { record } from './record.ts';
import { type CustomCall, type OpSource, Tensor } from './tensor.ts';
import { trace } from './tracing.ts';

/** How a graph is made once more on other tensors. */
export interface Replay {
  /** What stands for tensors of the original; filled as it goes. */
  readonly replaced: Map<Tensor, Tensor>;
  /** Makes what a call gives on other operands. */
  recall(source: OpSource, inputs: readonly Tensor[]): Tensor;
  /** `copy` is the same as `original` under another name. */
  isSame?(original: Tensor, copy: Tensor): void;
  /** Makes a derivative fit the tensor that it is a derivative by. */
  fit?(derivative: Tensor, input: Tensor): Tensor;
}

/** The same calls on other operands. */
export function plainReplay(replaced: Map<Tensor, Tensor>): Replay {
  return { replaced, recall: ({ op, attributes }, inputs) => record(op, inputs, attributes) };
}

/**
 * Makes the graph behind `outputs` once more: each node that depends on a tensor that is replaced, operands
 * first. All others are shared with the original.
 */
export function replay(outputs: readonly Tensor[], how: Replay): Tensor[] {
  const { replaced } = how;
  for (const tensor of madeOf(outputs, (tensor) => replaced.has(tensor))) {
    const { source } = tensor;
    if (source.kind !== 'op' || replaced.has(tensor)) continue;
    if (!source.inputs.some((input) => replaced.has(input))) continue;
    if (source.custom !== undefined) {
      replayCustomCall(source.custom, how);
    } else {
      const inputs = source.inputs.map((input) => replaced.get(input) ?? input);
      replaced.set(tensor, how.recall(source, inputs));
    }
  }
  return outputs.map((output) => replaced.get(output) ?? output);
}

/** A copy of the call, of which the derivative is a copy of the derivative. */
function replayCustomCall(custom: CustomCall, how: Replay): void {
  const { replaced } = how;
  const results = replay(custom.results, how);
  const inputs = replay(custom.inputs, how);
  const outputs = recordCustomCall({
    results,
    inputs,
    captured: replay(custom.captured, how),
    pullback(cotangents) {
      const placeholders = custom.outputs.map(({ type }) => new Tensor(type, placeholder));
      const parts = trace(() => custom.pullback(placeholders));
      placeholders.forEach((original, i) => {
        const cotangent = cotangents[i] as Tensor;
        replaced.set(original, cotangent);
        how.isSame?.(outputs[i] as Tensor, cotangent);
      });
      return parts.map((part, i) => {
        if (part === null) return null;
        const [copy] = replay([part], how) as [Tensor];
        return how.fit?.(copy, inputs[i] as Tensor) ?? copy;
      });
    },
  });
  custom.outputs.forEach((original, i) => {
    const output = outputs[i] as Tensor;
    how.isSame?.(results[i] as Tensor, output);
    replaced.set(original, output);
  });
}

const placeholder = { kind: 'placeholder' } as const;

/**
 * The tensors made before `start` that `outputs` are made of, without what those are made of.
 *
 * @param follows whether to look behind a call; defaults to all.
 */
export function usedFromBefore(
  outputs: readonly Tensor[],
  start: number,
  follows: (source: OpSource) => boolean = () => true,
): Tensor[] {
  const isEnd = ({ id, source }: Tensor): boolean =>
    id < start || (source.kind === 'op' && !follows(source));
  return madeOf(outputs, () => false, isEnd).filter(({ id }) => id < start);
}

/**
 * `outputs` and all that they are made of, in the order of making.
 *
 * @param isLeftOut holds for tensors that are left out, with what they alone are made of.
 * @param isEnd holds for tensors that are taken, but not what they are made of.
 */
export function madeOf(
  outputs: readonly Tensor[],
  isLeftOut: (tensor: Tensor) => boolean = () => false,
  isEnd: (tensor: Tensor) => boolean = () => false,
): Tensor[] {
  const seen = new Set<Tensor>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (seen.has(tensor) || isLeftOut(tensor)) continue;
    seen.add(tensor);
    if (tensor.source.kind === 'op' && !isEnd(tensor)) pending.push(...tensor.source.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
