import {
  cast,
  concat,
  expandDims,
  foldIn,
  full,
  gather,
  log,
  mul,
  normal,
  putAlongAxis,
  reshape,
  sliceAxis,
  softmax,
  sub,
  sum,
  swapAxes,
  type Tensor,
  topk,
  uniform,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type ThinFactors, thinForms } from '../thinForms.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  peftField,
  type StoredForm,
  type Variant,
} from '../variant.ts';

export interface VbloraConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** Vectors N in the bank that all places share. */
  readonly numVectors: number;
  /** Length V of each; must divide both sides of every weight. */
  readonly vectorLength: number;
  /** Vectors that are mixed into each part of a factor. */
  readonly topk: number;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** Files hold only how much of which vectors is mixed. What comes back from them cannot choose other vectors. */
  readonly saveOnlyTopkWeights: boolean;
  /** First values of the bank lie between minus and plus this. */
  readonly initVectorBankBound: number;
  /** Deviation of the first logits. */
  readonly initLogitsStd: number;
}

export type VbloraOptions = Partial<VbloraConfig> & TargetOptions;

const count = z.int().positive();

export const vbloraVariant: Variant<VbloraConfig> = {
  name: 'vblora',
  paper: 'Li et al. 2024, https://arxiv.org/abs/2405.15179',
  schema: z.strictObject({
    rank: peftField(count.default(4), 'r'),
    numVectors: peftField(count.default(256), 'num_vectors'),
    vectorLength: peftField(count.default(256), 'vector_length'),
    topk: peftField(count.default(2), 'topk'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'vblora_dropout'),
    saveOnlyTopkWeights: peftField(z.boolean().default(false), 'save_only_topk_weights'),
    initVectorBankBound: peftField(z.number().min(0).default(0.02), 'init_vector_bank_bound'),
    initLogitsStd: peftField(z.number().min(0).default(0.1), 'init_logits_std'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initVectorBankBound }) => initVectorBankBound === 0,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank: R, vectorLength, numVectors }, shape) =>
      ((shape.in + shape.out) / vectorLength) * R * numVectors,
    sharedParameterCount: ({ vectorLength, numVectors }) => vectorLength * numVectors,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    numVectors: draw.integer(3, 5),
    vectorLength: draw.integer(1, 2),
    topk: draw.integer(2, 3),
    dropout: draw.pick([0, 0.5]),
    saveOnlyTopkWeights: draw.boolean(),
    initVectorBankBound: draw.pick([0.02, 1]),
    initLogitsStd: draw.pick([0.1, 1]),
  }),
  sides: [1, 2, 4],
  refusal({ vectorLength: V, numVectors, topk: chosen }, shape) {
    if (chosen > numVectors) return `topk ${chosen} is more than the ${numVectors} vectors`;
    if (shape.in % V === 0 && shape.out % V === 0) return undefined;
    return `vectors of length ${V} do not divide a weight of ${shape.out} by ${shape.in}`;
  },
  peft: {
    type: 'VBLORA',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: () => ({
      logitsA: 'vblora_logits_A',
      logitsB: 'vblora_logits_B',
      weightsA: 'vblora_logits_A_topk_weights',
      weightsB: 'vblora_logits_B_topk_weights',
      indicesA: 'vblora_logits_A_topk_indices',
      indicesB: 'vblora_logits_B_topk_indices',
    }),
    sharedKeys: () => ({ bank: 'vblora_vector_bank' }),
    stored: (config) => (config.saveOnlyTopkWeights ? storedForm(config) : undefined),
  },

  init({ shape, config, key }) {
    const { rank: R, numVectors: N, vectorLength: V, initLogitsStd } = config;
    const draw = (label: string, sides: readonly number[]): Tensor =>
      normal(foldIn(key, label), [...sides, N], 0, initLogitsStd);
    return { logitsA: draw('A', [R, shape.in / V]), logitsB: draw('B', [shape.out / V, R]) };
  },

  share(places, key) {
    const config = places[0]?.config;
    if (config === undefined) return [];
    const { numVectors, vectorLength, initVectorBankBound: bound } = config;
    const bank = uniform(key, [numVectors, vectorLength], -bound, bound);
    const shared = { parameters: { bank }, frozen: {} };
    return places.map(() => shared);
  },

  ...thinForms(factorsOf, ({ dropout }) => dropout),
};

/**
 * Low-rank adaptation from a vector bank: the weight plus `B A`, where each part of V elements of A's rows and B's
 * columns is a mixture of the few vectors, of a bank that all places share, whose logits are highest.
 */
export function vblora(options: VbloraOptions = {}): Method<VbloraConfig> {
  return method(vbloraVariant, options);
}

/** A: [R, in] and B: [out, R]. */
function factorsOf({
  shape,
  config,
  parameters,
}: Pick<AdapterArguments<VbloraConfig>, 'shape' | 'config' | 'parameters'>): ThinFactors {
  const bank = parameterOf(parameters, 'bank');
  const mix = (name: string): Tensor => {
    const { values, indices } = topk(parameterOf(parameters, name), config.topk); // [.., .., K]
    const vectors = gather(bank, indices); // [.., .., K, V]
    return sum(mul(expandDims(softmax(values), -1), vectors), -2); // [.., .., V]
  };
  return {
    A: reshape(mix('logitsA'), [config.rank, shape.in]),
    B: reshape(swapAxes(mix('logitsB')), [shape.out, config.rank]), // from [out / V, V, R]
  };
}

/** Of K weights, which add up to 1, the last is left out. */
function storedForm({ topk: chosen, numVectors }: VbloraConfig): StoredForm {
  return {
    encode(parameters) {
      const encoded = ['A', 'B'].flatMap((factor): [string, Tensor][] => {
        const { values, indices } = topk(parameterOf(parameters, `logits${factor}`), chosen);
        const kept = sliceAxis(softmax(values), -1, 0, chosen - 1);
        return [
          [`weights${factor}`, kept],
          [`indices${factor}`, cast(indices, numVectors < 256 ? 'u8' : 'i32')],
        ];
      });
      return Object.fromEntries(encoded);
    },
    decode(stored) {
      const decoded = ['A', 'B'].map((factor): [string, Tensor] => {
        const kept = parameterOf(stored, `weights${factor}`);
        const last = sub(1, sum(kept, -1, { keepAxes: true }));
        const indices = cast(parameterOf(stored, `indices${factor}`), 'i32');
        const nothing = full([...kept.shape.slice(0, -1), numVectors], Number.NEGATIVE_INFINITY);
        return [`logits${factor}`, putAlongAxis(nothing, indices, log(concat([kept, last], -1)))];
      });
      return Object.fromEntries(decoded);
    },
  };
}
