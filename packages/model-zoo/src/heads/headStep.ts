import {
  activation,
  at,
  type Context,
  contract,
  isReparam,
  materialize,
  tiedPart,
  type Weight,
} from '@lorikeet/nn';
import {
  cumsum,
  equal,
  greater,
  LorikeetError,
  logicalAnd,
  notEqual,
  ones,
  reshape,
  sliceAxis,
  Tensor,
} from '@lorikeet/tensor-core';
import type { ModelInputs } from '../model.ts';

/** A layer of a head. */
export interface HeadLayer {
  call(x: Tensor, context: Context): Tensor;
}

/** The product with the rows of words, whose weight is the embedding's, and a bias if there is one. */
interface WordStep {
  /** Path of the embedding. */
  readonly words: string;
  /** What the state dict calls the layer. */
  readonly decoder: string;
  /** Path of its bias, [V]. */
  readonly bias?: string;
}

/** A layer by its path. Old files may have its bias, if it is that of words, in another place. */
interface LayerStep {
  readonly layer: string;
  readonly bias?: string;
}

/** One step of a head: a layer by its path, a function by its name, the first token of a text, or words. */
export type HeadStep =
  | LayerStep
  | { readonly activation: string }
  | { readonly take: 'first token' | 'mean of tokens' }
  /** The state of the last token of this number in each text. */
  | { readonly takeLast: number }
  /** The state of the last token that is not of this number, which is padding's; of the last one for `null`. */
  | { readonly takeLastBut: number | null }
  | WordStep;

/** The result of a step for `x`; paths are those of `model`. */
export function runStep(
  step: HeadStep,
  model: object,
  x: Tensor,
  inputs: ModelInputs,
  context: Context,
): Tensor {
  if ('layer' in step) return context.call(step.layer, layerAt(model, step.layer), x);
  if ('activation' in step) return activation(step.activation)(x);
  if ('take' in step) return step.take === 'first token' ? firstToken(x) : meanOfTokens(x, inputs);
  if ('takeLast' in step) return lastToken(x, equal(idsOf(inputs), step.takeLast));
  if ('takeLastBut' in step) return lastToken(x, isKept(x, step.takeLastBut, inputs));
  // Tied to the table itself, and to those of its adapters that say so: see docs/decisions/0010.
  const rows = tiedPart(weightAt(model, `${step.words}.weight`));
  const scores = contract(x, rows, { inputAxis: 1 }, context.child(step.decoder));
  return step.bias === undefined ? scores : scores.add(materialize(weightAt(model, step.bias)));
}

/** [B, T, D] to [B, D]: the last token of each row for which `isWanted`, [B, T], holds; 0 if there is none. */
function lastToken(x: Tensor, isWanted: Tensor): Tensor {
  const wanted = isWanted.cast('i32');
  const isLast = logicalAnd(equal(cumsum(wanted, 1), wanted.sum(1, { keepAxes: true })), isWanted);
  return x.mul(reshape(isLast.cast(x.dtype), [...isWanted.shape, 1])).sum(1);
}

function idsOf({ input_ids: ids }: ModelInputs): Tensor {
  if (ids !== undefined) return ids;
  throw new LorikeetError('invalid-argument', 'the head looks for a token by its number', {
    expected: 'input_ids',
    received: 'inputs_embeds',
  });
}

/** Bool [B, T]: what is no padding, by the tokens, or by the mask where these do not tell. */
function isKept(x: Tensor, padding: number | null, inputs: ModelInputs): Tensor {
  const { input_ids: ids, attention_mask: mask } = inputs;
  if (ids !== undefined && padding !== null) return notEqual(ids, padding);
  if (mask !== undefined) return greater(mask, 0);
  return ones(x.shape.slice(0, 2), 'i32').cast('bool');
}

/** [B, T, D] to [B, D]. */
export function firstToken(x: Tensor): Tensor {
  const [batch = 0, , width = 0] = x.shape;
  return reshape(sliceAxis(x, 1, 0, 1), [batch, width]);
}

/** [B, T, D] to [B, D]: padding does not count. */
function meanOfTokens(x: Tensor, { attention_mask: mask }: ModelInputs): Tensor {
  if (mask === undefined) return x.mean(1);
  const kept = mask.cast(x.dtype); // [B, T]
  const sum = x.mul(reshape(kept, [...mask.shape, 1])).sum(1);
  return sum.div(kept.sum(1, { keepAxes: true }));
}

function layerAt(model: object, path: string): HeadLayer {
  const part = at(model, path);
  if (isLayer(part)) return part;
  throw misplaced(path, 'a layer');
}

function isLayer(value: unknown): value is HeadLayer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'call' in value &&
    typeof value.call === 'function'
  );
}

function weightAt(model: object, path: string): Weight {
  const part = at(model, path);
  if (part instanceof Tensor || isReparam(part)) return part;
  throw misplaced(path, 'a weight');
}

function misplaced(path: string, expected: string): LorikeetError {
  return new LorikeetError('tree-mismatch', 'the head of a model lacks a part', {
    path,
    expected,
    hint: 'replace parts of a model by parts of the same kind',
  });
}
