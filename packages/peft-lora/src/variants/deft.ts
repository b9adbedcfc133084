import {
  add,
  div,
  dot,
  foldIn,
  mul,
  normal,
  qr,
  relu,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface DeftConfig {
  /** Rank R, of which no more than the number of outputs is used. */
  readonly rank: number;
  /** How outputs are projected: by P and the positive part of P, or orthogonally, by an orthonormal basis of P. */
  readonly decompositionMethod: 'relu' | 'qr';
  /** Scales the first values of what is put in, where they are random. */
  readonly initScale: number;
  /** What is put in is scaled by alpha / R; `null`, or 0, is no scaling. */
  readonly alpha: number | null;
  /** Takes the projection away and puts nothing in: PaRa. */
  readonly para: boolean;
  /** Probability with which an element of the input of what is put in is dropped in training. */
  readonly dropout: number;
  /** Starts as the base, but with `para`; else what is put in is random. */
  readonly initWeights: boolean;
}

export type DeftOptions = Partial<DeftConfig> & TargetOptions;

export const deftVariant: Variant<DeftConfig> = {
  name: 'deft',
  paper:
    'NeurIPS 2025, https://proceedings.neurips.cc/paper_files/paper/2025/hash/93a34a7138bdad95e874018d5f491cc6-Abstract-Conference.html',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(8), 'r'),
    decompositionMethod: peftField(z.enum(['relu', 'qr']).default('relu'), 'decomposition_method'),
    initScale: peftField(z.number().min(0).default(1), 'init_scale'),
    alpha: peftField(z.number().nullable().default(null), 'alpha'),
    para: peftField(z.boolean().default(false), 'para'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'deft_dropout'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights, para }) => initWeights && !para,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout, para }) => dropout > 0 && !para,
    parameterCount: (config, shape) =>
      rankOf(config, shape) * (shape.out + (config.para ? 0 : shape.in)),
  },
  sample(draw) {
    const decompositionMethod = draw.pick(['relu', 'qr'] as const);
    const para = draw.boolean();
    return {
      // A small P may have no positive part, and then nothing is taken away.
      rank: para && decompositionMethod === 'relu' ? 3 : draw.integer(1, 3),
      decompositionMethod,
      initScale: draw.pick([0.5, 1, 3]),
      alpha: draw.pick([null, 0.5, 3]),
      para,
      dropout: draw.pick([0, 0.5]),
      initWeights: draw.boolean(),
    };
  },
  // More than the rank: an orthogonal projection of all outputs is the same whatever P is.
  sides: [5, 6, 7],
  peft: {
    type: 'DEFT',
    inactive: {
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      layers_pattern: null,
      layers_to_transform: null,
    },
    keys: (_kind, { para }) => ({ P: 'deft_P', ...(para ? {} : { R: 'deft_R' }) }),
  },

  init(args) {
    const { config, shape, key } = args;
    const R = rankOf(config, shape);
    const P = normal(foldIn(key, 'P'), [shape.out, R], 0, 0.02);
    if (config.para) return { P };
    if (!config.initWeights)
      return { P, R: normal(foldIn(key, 'R'), [R, shape.in], 0, 0.02 * config.initScale) };
    // What is put in is what was taken away.
    const { right } = directions(P, config);
    return { P, R: div(projected(right, args), scaleOf(config, shape)) };
  },

  materialize(args) {
    const { left, right } = directionsOf(args);
    const taken = projected(right, args);
    const put = putIn(args);
    const change = put === undefined ? mul(taken, -1) : sub(put, taken); // [R, in]
    return add(args.base(), dot(left, change, { contract: [[1], [0]] })); // [out, in]
  },

  contract(x, args) {
    const { left, right } = directionsOf(args);
    const output = args.product(x); // [..., out]
    const taken =
      args.compat === 'peft'
        ? dot(x, projected(right, args), { contract: [[-1], [1]] })
        : dot(output, right, { contract: [[-1], [0]] }); // [..., R]
    const put = putIn(args);
    const input = args.context.dropout(x, args.config.dropout);
    const change =
      put === undefined ? mul(taken, -1) : sub(dot(input, put, { contract: [[-1], [1]] }), taken); // [..., R]
    return add(output, dot(change, left, { contract: [[-1], [1]] })); // [..., out]
  },
};

/**
 * Decompositional efficient fine-tuning: a projection of the outputs is taken away from the weight, `P relu(P)^T W` or
 * `Q Q^T W`, and a trained product `P R` or `Q R` put in its place. On other adapters it takes away from the weight under it;
 * with `compat`, as in PEFT, from that under all of them.
 */
export function deft(options: DeftOptions = {}): Method<DeftConfig> {
  return method(deftVariant, options);
}

type Arguments = Pick<
  AdapterArguments<DeftConfig>,
  'config' | 'shape' | 'parameters' | 'compat' | 'base' | 'root'
>;

interface Directions {
  /** [out, R]: into which is put. */
  readonly left: Tensor;
  /** [out, R]: along which is taken. */
  readonly right: Tensor;
}

function directionsOf({ parameters, config }: Arguments): Directions {
  return directions(parameterOf(parameters, 'P'), config);
}

function directions(P: Tensor, { decompositionMethod }: DeftConfig): Directions {
  if (decompositionMethod === 'relu') return { left: P, right: relu(P) };
  const { q } = qr(P);
  return { left: q, right: q };
}

/** `right^T W`: [R, in]. */
function projected(
  right: Tensor,
  { compat, base, root }: Pick<Arguments, 'compat' | 'base' | 'root'>,
): Tensor {
  return dot(right, compat === 'peft' ? root() : base(), { contract: [[0], [0]] });
}

/** [R, in]; `undefined` for PaRa. */
function putIn({ config, shape, parameters }: Arguments): Tensor | undefined {
  return config.para ? undefined : mul(parameterOf(parameters, 'R'), scaleOf(config, shape));
}

function rankOf({ rank }: DeftConfig, { out }: SiteShape): number {
  return Math.min(rank, out);
}

function scaleOf(config: DeftConfig, shape: SiteShape): number {
  const { alpha } = config;
  return alpha === null || alpha === 0 ? 1 : alpha / rankOf(config, shape);
}
