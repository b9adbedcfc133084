import {
  cast,
  crossEntropy,
  div,
  equal,
  expandDims,
  greater,
  logicalAnd,
  maximum,
  mod,
  mul,
  notEqual,
  pow,
  sliceAxis,
  sum,
  type Tensor,
  tril,
} from '@lorikeet/tensor-core';

/** Whether a token of these types is a label: of a whole, positive multiple of 4. */
export function isLabel(types: Tensor): Tensor {
  return logicalAnd(greater(types, 0), equal(mod(types, 4), 0));
}

/**
 * The mean loss of telling each token from those before it, in which labels count less the earlier the example that they are
 * of: those of the last example once, of the one before `factor` times, and so on.
 *
 * @param logits [B, T, V]
 * @param labels [B, T] the tokens themselves, of which -100 does not count.
 * @param types [B, T] 4 times the number of the example, for a label.
 */
export function decayedLoss(logits: Tensor, labels: Tensor, types: Tensor, factor: number): Tensor {
  const time = (labels.shape[1] ?? 1) - 1;
  const told = sliceAxis(labels, 1, 1, time);
  const losses = crossEntropy(sliceAxis(logits, 1, 0, time), told, { reduction: 'none' }); // [B, T - 1], 0 at -100
  const weights = cast(pow(factor, laterExamples(sliceAxis(types, 1, 1, time))), losses.dtype);
  const count = sum(cast(notEqual(told, -100), losses.dtype));
  return div(sum(mul(losses, weights)), maximum(count, 1));
}

/** How many examples with a label come after that of each label: [B, T], 0 for what is none. */
function laterExamples(types: Tensor): Tensor {
  const labels = cast(isLabel(types), 'f32'); // [B, T]
  const [own, other] = [expandDims(types, 2), expandDims(types, 1)]; // of each token, of all others
  // A label stands for its example if the same one was not there before.
  const before = sum(tril(mul(cast(equal(own, other), 'f32'), expandDims(labels, 1)), -1), 2);
  const stands = mul(labels, cast(equal(before, 0), 'f32'));
  const later = mul(cast(greater(other, own), 'f32'), expandDims(stands, 1)); // [B, T, T]
  return mul(sum(later, 2), labels);
}
