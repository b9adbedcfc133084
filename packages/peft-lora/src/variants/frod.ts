import {
  add,
  alias,
  cast,
  dot,
  foldIn,
  mul,
  normal,
  sliceAxis,
  squeeze,
  sub,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { roleOf } from '../frod/moduleRole.ts';
import { overBasis } from '../frod/overBasis.ts';
import { decomposed, entryCount, shareBases } from '../frod/shareBases.ts';
import { parameterOf } from '../parameterOf.ts';
import { denseOf, isWholeSmaller, type SparseEntries, sparseProduct } from '../sparseUpdate.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface FrodConfig {
  /** Seed of which entries beside the diagonal train: PyTorch's generator on a CPU. */
  readonly projectionSeed: number;
  /** Whether files hold the bases; else they are made of the model that a file is loaded for. */
  readonly saveProjection: boolean;
  /** Probability with which an element of the input of the change is dropped in training. */
  readonly dropout: number;
  /** Starts as the base; else what trains is changed by normal numbers of deviation 0.1. */
  readonly initWeights: boolean;
  /** Part of the entries beside the diagonal that train, from 0 to 1; one at least, but for 0. */
  readonly sparseRate: number;
  /** Added to Gram matrices before they are inverted for the bases. */
  readonly regularization: number;
}

export type FrodOptions = Partial<FrodConfig> & TargetOptions;

type Arguments = AdapterArguments<FrodConfig>;

export const frodVariant: Variant<FrodConfig> = {
  name: 'frod',
  paper: 'FRoD 2026, https://doi.org/10.1609/aaai.v40i31.39813',
  schema: z.strictObject({
    projectionSeed: peftField(z.int().min(0).default(0), 'projection_prng_key'),
    saveProjection: peftField(z.boolean().default(true), 'save_projection'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'frod_dropout'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    sparseRate: peftField(z.number().min(0).max(1).default(0.01), 'sparse_rate'),
    regularization: peftField(z.number().min(0).default(1e-3), 'regularization_alpha'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, { in: side }) => side + entryCount(side, config),
  },
  sample: (draw) => ({
    projectionSeed: draw.integer(0, 5),
    saveProjection: draw.boolean(),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    sparseRate: draw.pick([0.5, 1]),
    regularization: draw.pick([1e-3, 0.1]),
  }),
  sides: [2, 3, 4],
  peft: {
    type: 'FROD',
    inactive: {
      bias: 'none',
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
      progressbar: true,
      runtime_offload_base_weight: false,
    },
    ignored: ['progressbar', 'runtime_offload_base_weight'],
    keys: () => ({ scales: 'frod_lambda_l', values: 'frod_lambda_s_values' }),
    // Without the places a file is by PEFT, and means a basis whose vectors only its own machine finds.
    sharedKeys({ saveProjection }, path) {
      const role = roleOf(path);
      return {
        ...(saveProjection ? { V: `frod_V.${role}`, sides: `frod_s_size.${role}` } : {}),
        places: `frod_s_indices.${role}`,
      };
    },
  },

  init({ shape, config, key, shared, ...weights }) {
    const count = entryCount(shape.in, config);
    const { lengths } = overBasis(parameterOf(shared?.frozen ?? {}, 'V'), decomposed(weights));
    if (config.initWeights) return { scales: alias(lengths), values: zeros([count]) };
    return {
      scales: add(lengths, normal(foldIn(key, 'scales'), [shape.in], 0, 0.1)),
      values: normal(foldIn(key, 'values'), [count], 0, 0.1),
    };
  },

  share: shareBases,

  derived({ frozen, ...weights }) {
    const { U, lengths } = overBasis(parameterOf(frozen, 'V'), decomposed(weights));
    return { U, lengths };
  },

  materialize(args) {
    const { U, V, change, entries } = partsOf(args);
    const [side = 0] = V.shape;
    const mixed = dot(U, denseOf(entries, [side, side]), { contract: [[1], [0]] }); // [out, in]
    const left = add(mul(U, change), mixed);
    return add(args.base(), dot(left, V, { contract: [[1], [1]] })); // [out, in]
  },

  // The whole weight has no place for dropout of one part's input.
  isWholeSooner: ({ config, shape, rows }) =>
    config.dropout === 0 && rows * (shape.in + shape.out) > shape.in * shape.out,

  contract(x, args) {
    const { U, V, change, entries } = partsOf(args);
    const { shape, config, context, product } = args;
    const along = dot(context.dropout(x, config.dropout), V, { contract: [[-1], [0]] }); // [..., in]
    const square = { in: shape.in, out: shape.in };
    const mixed = isWholeSmaller(entries.values.size, x.size / shape.in, square)
      ? dot(along, denseOf(entries, [shape.in, shape.in]), { contract: [[-1], [1]] })
      : sparseProduct(entries, along, shape.in);
    const changed = add(mul(along, change), mixed);
    return add(product(x), dot(changed, U, { contract: [[-1], [1]] })); // [..., out]
  },
};

/**
 * Full-rank fine-tuning over a basis that layers have in common: `U (S + diag(scales)) V^T` in the weight's place, which
 * is that with its own scales and no S. V is a basis of the inputs for all modules of one role, U what the weight makes of
 * its vectors; the scales train, and entries of S that a seed chooses. Computed as a change of the weight, so that it
 * begins as the base to the bit.
 *
 * PEFT finds U anew when it loads a file, by a basis of its own, which agrees with the one in the file only on the machine
 * that made it; here U follows the file. For use in PEFT elsewhere, `convertToLora` or `merge` first.
 *
 * @throws LorikeetError `unsupported`, when it is put on a model, if modules of one role have inputs of different sizes.
 */
export function frod(options: FrodOptions = {}): Method<FrodConfig> {
  return method(frodVariant, options);
}

/** Of the change `U (S + diag(change)) V^T`. */
function partsOf({ parameters, frozen }: Omit<Arguments, 'base'>): {
  /** [out, in] */
  readonly U: Tensor;
  /** [in, in] */
  readonly V: Tensor;
  /** [in] */
  readonly change: Tensor;
  /** Of S, [in, in]. */
  readonly entries: SparseEntries;
} {
  const values = parameterOf(parameters, 'values');
  const places = cast(parameterOf(frozen, 'places'), 'i32');
  const line = (row: number): Tensor => squeeze(sliceAxis(places, 0, row, 1), 0);
  return {
    U: parameterOf(frozen, 'U'),
    V: parameterOf(frozen, 'V'),
    change: sub(parameterOf(parameters, 'scales'), parameterOf(frozen, 'lengths')),
    entries: { values, rows: line(0), columns: line(1) },
  };
}
