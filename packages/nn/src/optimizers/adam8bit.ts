import { LorikeetError, mapTensors, sqrt, square, type Tensor } from '@lorikeet/tensor-core';
import { paths } from '../tree.ts';
import type { AdamOptions } from './adam.ts';
import { chain } from './chain.ts';
import { type Dynamic8Bit, decodeDynamic8Bit, encodeDynamic8Bit } from './dynamic8Bit.ts';
import { scaleByLearningRate } from './learningRate.ts';
import type { Optimizer } from './optimizer.ts';
import { type AdamMoments, scaleByAdam } from './scaleByAdam.ts';
import { addWeightDecay } from './weightDecay.ts';

/** By the paths of the parameters. */
type Moments = Readonly<Record<string, Dynamic8Bit | Tensor>>;

export interface Adam8BitState {
  /** Steps taken; i32. */
  readonly step: Tensor;
  readonly first: Moments;
  /** Roots of the mean squares, which differ by half as many powers of ten. */
  readonly roots: Moments;
}

/** The moments of smaller parameters stay in f32, as in bitsandbytes: they are no burden. */
const smallest = 4096;

/**
 * `scaleByAdam` whose moments are kept in a byte each, by dynamic quantisation in blocks: a quarter of the memory. A step is computed in f32.
 * Dettmers et al. 2022, https://arxiv.org/abs/2110.02861
 */
export function scaleByAdam8bit(
  moments: Omit<AdamMoments, 'amsgrad'> = {},
): Optimizer<Adam8BitState> {
  const inner = scaleByAdam(moments);
  return {
    init(parameters) {
      const { step, first, second } = inner.init(parameters);
      return { step, first: encode(first, true), roots: encode(mapTensors(second, sqrt), false) };
    },
    update(gradients, { step, first, roots }, parameters) {
      const state = {
        step,
        first: decode(first, gradients),
        second: mapTensors(decode(roots, gradients), square),
      };
      const next = inner.update(gradients, state, parameters);
      return {
        updates: next.updates,
        state: {
          step: next.state.step,
          first: encode(next.state.first, true),
          roots: encode(mapTensors(next.state.second, sqrt), false),
        },
      };
    },
  };
}

/** `adamw` with moments of 8 bits. */
export function adamw8bit({
  learningRate,
  weightDecay = 0.01,
  ...moments
}: Omit<AdamOptions, 'amsgrad'>): Optimizer<readonly unknown[]> {
  return chain(
    scaleByAdam8bit(moments),
    addWeightDecay(weightDecay),
    scaleByLearningRate(learningRate),
  );
}

function encode(tree: unknown, isSigned: boolean): Moments {
  return Object.fromEntries(
    paths(tree).map(([path, leaf]) => [
      path,
      leaf.size < smallest ? leaf : encodeDynamic8Bit(leaf, isSigned),
    ]),
  );
}

function decode<T>(moments: Moments, like: T): T {
  return mapTensors(like, (leaf, path) => {
    const name = path.join('.');
    const kept = moments[name];
    if (kept === undefined)
      throw new LorikeetError('tree-mismatch', 'the state belongs to other parameters', {
        path: name,
      });
    return 'codes' in kept ? decodeDynamic8Bit(kept, leaf.shape) : kept;
  });
}
