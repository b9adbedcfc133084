import {
  alias,
  cast,
  concat,
  customVjp,
  dot,
  foldIn,
  mul,
  neg,
  normal,
  promote,
  type Svd,
  sliceAxis,
  sub,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { pythonSearch } from '../peft/pythonRegExp.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type ThinFactors, thinForms } from '../thinForms.ts';
import {
  type AdapterArguments,
  type FrozenArguments,
  type InitArguments,
  type Method,
  method,
  peftField,
  type Tensors,
  type Variant,
} from '../variant.ts';

export interface OsfConfig {
  /**
   * How many of the leading singular directions of a weight are kept: a whole number, or a part of its smaller side between 0 and
   * 1; `null` is half of it. The others train.
   */
  readonly effectiveRank: number | null;
  /** Other such values for paths in which a regular expression of Python finds something; the first counts. */
  readonly rankPattern: Readonly<Record<string, number | null>> | null;
  /** Starts as the base; else what trains is random. */
  readonly initWeights: boolean;
}

export type OsfOptions = Partial<OsfConfig> & TargetOptions;

const kept = z.number().positive().nullable();

export const osfVariant: Variant<OsfConfig> = {
  name: 'osf',
  paper: 'Nayak et al. 2025, https://arxiv.org/abs/2504.07097',
  schema: z.strictObject({
    effectiveRank: peftField(kept.default(null), 'effective_rank', 'rankPattern'),
    rankPattern: peftField(z.record(z.string(), kept).nullable().default(null), 'rank_pattern'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    projectsGradients: () => true,
    parameterCount: (config, shape) => trainedRank(config, shape) * (shape.out + 1 + shape.in),
  },
  sample: (draw) => ({
    effectiveRank: draw.pick([null, 1, 2, 0.4, 0.7]),
    rankPattern: draw.pick([null, { first: 1 }, { '(irs|eco)': 2, second: 0.4 }, { eco: null }]),
    initWeights: draw.boolean(),
  }),
  sides: [2, 3, 4],
  refusal(config, shape) {
    const side = sideOf(shape);
    const count = keptRank(config, shape);
    const weight = `a weight of ${shape.out} by ${shape.in}`;
    if (count === 0) return `effectiveRank ${config.effectiveRank} keeps nothing of ${weight}`;
    return count < side
      ? undefined
      : `effectiveRank ${config.effectiveRank} keeps all of ${weight}, so that nothing trains`;
  },
  peft: {
    type: 'OSF',
    ignored: ['target_svd_config'],
    inactive: { target_svd_config: null },
    searchesPatterns: true,
    keys: () => ({
      U: 'osf_svd_params.U_low',
      S: 'osf_svd_params.S_low',
      V: 'osf_svd_params.V_low',
    }),
  },

  configAt(config, path) {
    const pattern = Object.keys(config.rankPattern ?? {}).find((own) => pythonSearch(own, path));
    if (pattern === undefined) return config;
    return { ...config, effectiveRank: config.rankPattern?.[pattern] ?? null };
  },

  init(args) {
    const { low } = partsOf(args);
    if (args.config.initWeights) return low;
    const random = Object.entries(low).map(
      ([name, { shape, dtype }]) =>
        [name, cast(normal(foldIn(args.key, name), shape), dtype)] as const,
    );
    return Object.fromEntries(random);
  },

  frozen(args) {
    const { low, high } = partsOf(args);
    const { out, in: inputs } = args.shape;
    return {
      U0: parameterOf(low, 'U'),
      S0: parameterOf(low, 'S'),
      V0: parameterOf(low, 'V'),
      // Of a square side the other directions tell which they are.
      ...(out > inputs ? { keptU: parameterOf(high, 'U') } : {}),
      ...(inputs > out ? { keptV: parameterOf(high, 'V') } : {}),
    };
  },

  ...thinForms(factorsOf, () => 0),
};

/**
 * Orthogonal subspace fine-tuning: of the singular value decomposition of a weight the leading part is kept and the rest trains,
 * `U diag(S) V` in its place. The derivatives by U and V are their parts at right angles to what is kept. An optimiser that
 * scales entries apart, as Adam does, leaves that space again, here as in PEFT; plain descent stays in it.
 *
 * On other adapters, and on quantised weights, it decomposes what the weight is when it is put there.
 */
export function osf(options: OsfOptions = {}): Method<OsfConfig> {
  return method(osfVariant, options);
}

/** The leading singular directions and the others, K and L of them: U [out, K or L], S [K or L], V [K or L, in]. */
function partsOf({
  base,
  config,
  shape,
}: Pick<InitArguments<OsfConfig> | FrozenArguments<OsfConfig>, 'base' | 'config' | 'shape'>): {
  readonly high: Tensors;
  readonly low: Tensors;
} {
  const weight = base();
  const found = svd(cast(weight, promote(weight.dtype, 'f32')));
  const count = keptRank(config, shape);
  return {
    high: cut(found, 0, count),
    low: cut(found, count, trainedRank(config, shape)),
  };
}

function cut({ u, s, v }: Svd, start: number, count: number): Tensors {
  return {
    U: sliceAxis(u, 1, start, count),
    S: sliceAxis(s, 0, start, count),
    V: swapAxes(sliceAxis(v, 1, start, count)),
  };
}

/** Of what trains less what was there: A [2 L, in], B [out, 2 L]. */
function factorsOf({
  parameters,
  frozen,
}: Pick<AdapterArguments<OsfConfig>, 'parameters' | 'frozen'>): ThinFactors {
  const [U0, V0] = [parameterOf(frozen, 'U0'), parameterOf(frozen, 'V0')];
  const { keptU, keptV } = frozen;
  const U = derivedWithin(parameterOf(parameters, 'U'), { kept: keptU, others: U0 });
  const V = swapAxes(
    derivedWithin(swapAxes(parameterOf(parameters, 'V')), {
      kept: keptV && swapAxes(keptV),
      others: swapAxes(V0),
    }),
  );
  const now = mul(U, parameterOf(parameters, 'S')); // [out, L]
  const before = mul(U0, parameterOf(frozen, 'S0'));
  return { A: concat([V, V0], 0), B: concat([now, neg(before)], 1) };
}

/** Orthonormal columns that together span all, or the others alone where there are as many as rows. */
interface Directions {
  /** [side, K] */
  readonly kept: Tensor | undefined;
  /** [side, L] */
  readonly others: Tensor;
}

/** `x` [side, L] itself, with the part of its derivative that is at right angles to what is kept. */
function derivedWithin(x: Tensor, { kept, others }: Directions): Tensor {
  const held = customVjp(
    (value: Tensor) => alias(value),
    ({ cotangent }) => {
      const within =
        kept === undefined ? along(others, cotangent) : sub(cotangent, along(kept, cotangent));
      return [cast(within, cotangent.dtype)];
    },
  );
  return held(x);
}

/** The part of x [side, L] that lies in the span of orthonormal columns [side, K]. */
function along(columns: Tensor, x: Tensor): Tensor {
  return dot(columns, dot(columns, x, { contract: [[0], [0]] }), { contract: [[1], [0]] });
}

function sideOf(shape: SiteShape): number {
  return Math.min(shape.in, shape.out);
}

/** K, as PEFT rounds it. */
function keptRank({ effectiveRank }: OsfConfig, shape: SiteShape): number {
  const side = sideOf(shape);
  if (effectiveRank === null) return Math.floor(side / 2);
  return Math.min(side, Math.trunc(effectiveRank < 1 ? side * effectiveRank : effectiveRank));
}

/** L */
function trainedRank(config: OsfConfig, shape: SiteShape): number {
  return sideOf(shape) - keptRank(config, shape);
}
