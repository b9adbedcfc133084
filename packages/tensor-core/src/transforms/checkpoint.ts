import { backward } from '../autograd.ts';
import { recordCustomCall } from '../customCall.ts';
import { isFloat } from '../dtype.ts';
import { alias } from '../ops/unary/alias.ts';
import { barrier } from '../ops/unary/barrier.ts';
import { plainReplay, replay, usedFromBefore } from '../replay.ts';
import { type Tensor, tensorCount } from '../tensor.ts';
import { trace } from '../tracing.ts';
import { flattenTree, unflattenTree } from '../tree.ts';

/**
 * A function of the same value whose derivative keeps nothing of what it computed on the way, but computes it
 * again when the derivative arrives: memory against time (Chen et al. 2016). Made for the layers of a model.
 *
 * Tensors that `fn` closes over are differentiated by like its arguments.
 */
export function checkpoint<Args extends readonly unknown[], Out>(
  fn: (...args: Args) => Out,
): (...args: Args) => Out {
  return (...args) => {
    const start = tensorCount();
    const { leaves: results, structure } = flattenTree(trace(() => fn(...args)));
    const used = usedFromBefore(results, start);
    const inputs = used.filter(({ dtype }) => isFloat(dtype));
    const outputs = recordCustomCall({
      results,
      inputs,
      captured: [],
      pullback: (cotangents) => backwardAgain(results, used, inputs, cotangents),
    });
    return unflattenTree(structure, outputs) as Out;
  };
}

function backwardAgain(
  results: readonly Tensor[],
  used: readonly Tensor[],
  inputs: readonly Tensor[],
  cotangents: readonly Tensor[],
): readonly Tensor[] {
  // What is data already is kept anyway, so that a barrier would only copy it.
  const standIn = (tensor: Tensor): Tensor =>
    tensor.storage === undefined ? barrier(tensor, cotangents) : alias(tensor);
  const replaced = new Map(used.map((tensor) => [tensor, standIn(tensor)]));
  const again = replay(results, plainReplay(new Map(replaced)));
  const smooth = again.flatMap((result, i) => {
    const cotangent = cotangents[i];
    return isFloat(result.dtype) && cotangent !== undefined ? [{ result, cotangent }] : [];
  });
  return backward(
    smooth.map(({ result }) => result),
    smooth.map(({ cotangent }) => cotangent),
    inputs.map((input) => replaced.get(input) ?? input),
  );
}
