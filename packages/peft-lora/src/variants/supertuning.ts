import { kaimingUniform } from '@lorikeet/nn';
import {
  abs,
  add,
  cast,
  type DType,
  div,
  dot,
  foldIn,
  mod,
  mul,
  normal,
  promote,
  reshape,
  sub,
  type Tensor,
  topk,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import {
  addAtPlaces,
  denseOf,
  isWholeSmaller,
  type SparseEntries,
  sparseProduct,
} from '../sparseUpdate.ts';
import type { TargetOptions } from '../target.ts';
import {
  type AdapterArguments,
  type Method,
  method,
  peftField,
  type Tensors,
  type Variant,
} from '../variant.ts';

export interface SupertuningConfig {
  /** Part of the entries of a weight that does not train: 0.99 leaves one in a hundred. */
  readonly sparsity: number;
  /** Whether the entries of largest absolute value train, or those of smallest. */
  readonly selectTop: boolean;
  /** Rank R of a low-rank product that is added besides; `null` is none. */
  readonly rank: number | null;
  /** The product is scaled by this over the rank; twice the rank if `null`. */
  readonly loraAlpha: number | null;
  /** Probability with which an element of the input of the product is dropped in training. */
  readonly dropout: number;
  /** Starts as the base; else the changes of entries and B are random, too. */
  readonly initWeights: boolean;
  /** Whether files hold which entries they are; else these are chosen again of the weight that a file is loaded for. */
  readonly savePrecomputedIndices: boolean;
}

export type SupertuningOptions = Partial<SupertuningConfig> & TargetOptions;

type Arguments = AdapterArguments<SupertuningConfig>;

export const supertuningVariant: Variant<SupertuningConfig> = {
  name: 'supertuning',
  paper: 'Super-Tuning 2026, https://arxiv.org/abs/2607.09287',
  schema: z
    .strictObject({
      sparsity: peftField(z.number().min(0).lt(1).default(0.99), 'sparsity'),
      selectTop: peftField(z.boolean().default(true), 'select_top'),
      rank: peftField(z.int().positive().nullable().default(null), 'r'),
      loraAlpha: peftField(z.number().nullable().default(null), 'lora_alpha'),
      dropout: peftField(z.number().min(0).lt(1).default(0), 'lora_dropout'),
      initWeights: peftField(z.boolean().default(true), 'init_weights'),
      savePrecomputedIndices: peftField(z.boolean().default(true), 'save_precomputed_indices'),
    })
    .refine(({ rank, loraAlpha }) => rank !== null || loraAlpha === null, {
      path: ['loraAlpha'],
      error: 'needs a rank',
    }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights, rank }) => !initWeights || rank !== null,
    isStochastic: ({ rank, dropout }) => rank !== null && dropout > 0,
    parameterCount: (config, shape) =>
      entryCount(config, shape) + (config.rank ?? 0) * (shape.in + shape.out),
  },
  sample: (draw) => ({
    sparsity: draw.pick([0, 0.3, 0.5]),
    selectTop: draw.boolean(),
    ...draw.pick([
      { rank: null, loraAlpha: null },
      { rank: 1, loraAlpha: null },
      { rank: 2, loraAlpha: 3 },
    ]),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    savePrecomputedIndices: draw.boolean(),
  }),
  sides: [2, 3, 4],
  refusal: (config, shape) =>
    entryCount(config, shape) > 0
      ? undefined
      : `sparsity ${config.sparsity} leaves no entry of a weight of ${shape.out} by ${shape.in} to train`,
  peft: {
    type: 'SUPERTUNING',
    keys: (_kind, { rank, savePrecomputedIndices }) => ({
      values: 'supertuning_values',
      ...(savePrecomputedIndices ? { places: 'supertuning_indices' } : {}),
      ...(rank === null ? {} : { A: 'supertuning_lora_A.weight', B: 'supertuning_lora_B.weight' }),
    }),
  },

  init({ shape, config, key }) {
    const { rank: R, initWeights } = config;
    const sides = [entryCount(config, shape)];
    const values = initWeights ? zeros(sides) : normal(foldIn(key, 'values'), sides);
    if (R === null) return { values };
    const B = initWeights
      ? zeros([shape.out, R])
      : kaimingUniform()(foldIn(key, 'B'), [shape.out, R]);
    return { values, A: kaimingUniform()(foldIn(key, 'A'), [R, shape.in]), B };
  },

  // Where they are in the rows one after the other, in the order of the values, as in PEFT's files.
  frozen({ shape, config, base }) {
    const magnitudes = reshape(abs(base()), [-1]);
    const { selectTop: largest } = config;
    return { places: topk(magnitudes, entryCount(config, shape), { largest }).indices };
  },

  materialize(args) {
    const { base, config, parameters } = args;
    const weight = base();
    const values = parameterOf(parameters, 'values');
    // As exact as a product with the weight, which this stands for where it is sooner.
    const dtype = promote(weight.dtype, values.dtype);
    const whole = cast(weight, dtype);
    const placed = (matrix: Tensor): Tensor => addAtPlaces(matrix, values, placesOf(args));
    // The entries are written into the product, which nothing else reads; of a sum that is a result there would be a copy.
    return config.rank === null
      ? placed(whole)
      : add(whole, placed(productOf(parameters, config, dtype))); // [out, in]
  },

  // The whole weight has no place for dropout of one part's input.
  isWholeSooner: ({ config, shape, rows }) =>
    (config.rank === null || config.dropout === 0) &&
    isWholeSmaller(entryCount(config, shape), rows, shape),

  contract(x, args) {
    const { shape, config, parameters, context, product } = args;
    const entries = entriesOf(args);
    const update = isWholeSmaller(entries.values.size, x.size / shape.in, shape)
      ? dot(x, denseOf(entries, [shape.out, shape.in]), { contract: [[-1], [1]] })
      : sparseProduct(entries, x, shape.out);
    const sparse = add(product(x), update); // [..., out]
    if (config.rank === null) return sparse;
    const input = context.dropout(x, config.dropout);
    const low = dot(input, parameterOf(parameters, 'A'), { contract: [[-1], [1]] }); // [..., R]
    const added = dot(low, parameterOf(parameters, 'B'), { contract: [[-1], [1]] }); // [..., out]
    return add(sparse, mul(added, scaleOf(config)));
  },
};

/**
 * Super-Tuning: the weight with changes at its entries of largest absolute value, or of smallest, and with a rank a
 * low-rank product besides ("Supra").
 *
 * @throws LorikeetError `invalid-config` for a `loraAlpha` without a `rank`, besides faults of other options.
 */
export function supertuning(options: SupertuningOptions = {}): Method<SupertuningConfig> {
  return method(supertuningVariant, options);
}

/** The low-rank product: [out, in]. */
function productOf(parameters: Tensors, config: SupertuningConfig, dtype: DType): Tensor {
  const B = mul(cast(parameterOf(parameters, 'B'), dtype), scaleOf(config));
  return dot(B, parameterOf(parameters, 'A'), { contract: [[1], [0]] });
}

/** i32 [n] */
function placesOf({ frozen }: Pick<Arguments, 'frozen'>): Tensor {
  return cast(parameterOf(frozen, 'places'), 'i32');
}

function entriesOf(args: Arguments): SparseEntries {
  const { shape, parameters } = args;
  const places = placesOf(args);
  const columns = mod(places, shape.in);
  const rows = div(sub(places, columns), shape.in);
  return { values: parameterOf(parameters, 'values'), rows, columns };
}

function entryCount({ sparsity }: SupertuningConfig, shape: SiteShape): number {
  return Math.trunc(shape.in * shape.out * (1 - sparsity));
}

function scaleOf({ rank, loraAlpha }: SupertuningConfig): number {
  return rank === null ? 0 : (loraAlpha ?? 2 * rank) / rank;
}
