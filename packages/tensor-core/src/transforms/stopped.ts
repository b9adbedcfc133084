import { stopGradientOp } from '../ops/unary/stopGradient.ts';
import { madeOf, plainReplay, replay } from '../replay.ts';
import type { Tensor } from '../tensor.ts';

/** What `stopGradient` gave among all that `outputs` are made of, in the order of making. */
export function stopped(outputs: readonly Tensor[]): Tensor[] {
  return madeOf(outputs).filter(
    ({ source }) => source.kind === 'op' && source.op.name === stopGradientOp.name,
  );
}

/**
 * The graph behind `outputs` once more, with other tensors in the places of some. With what `stopped` finds replaced by
 * its values, a function can be varied as its derivative sees it.
 */
export function substitute(
  outputs: readonly Tensor[],
  replaced: ReadonlyMap<Tensor, Tensor>,
): Tensor[] {
  return replay(outputs, plainReplay(new Map(replaced)));
}
