import {
  add,
  cast,
  dot,
  foldIn,
  mul,
  normal,
  promote,
  sliceAxis,
  square,
  sub,
  sum,
  svd,
  swapAxes,
  type Tensor,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { skewness } from '../adalora/orthogonality.ts';
import { type LowRank, sumOf } from '../algebra/lowRank.ts';
import { biasOfB } from '../lora/biasOfB.ts';
import { refusalOf } from '../lora/firstFactors.ts';
import { type LoraConfig, patternedAt, scalingOf } from '../lora/loraConfig.ts';
import { loraFormat } from '../lora/loraInTraining.ts';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import type { TrainedPlace } from '../training/stepRule.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';
import { loraVariant } from './lora.ts';

/** What `adapterPenalty` asks of the factors. */
export interface KasaPenalty {
  /** Weight of the sum of squares of the singular values. */
  readonly beta: number;
  /** Weight of how far the rows of A and the columns of B are from orthonormal, as Frobenius norms. */
  readonly gamma: number;
}

export interface KasaConfig
  extends Pick<
    LoraConfig,
    'rank' | 'alpha' | 'dropout' | 'useRslora' | 'loraBias' | 'rankPattern' | 'alphaPattern'
  > {
  /** First values of A and B, as LoRA's; those that take a part out of the weight are not for KaSA. */
  readonly initLoraWeights: boolean | 'gaussian' | 'orthogonal' | 'eva';
  readonly kasaConfig: KasaPenalty;
}

export type KasaOptions = Partial<Omit<KasaConfig, 'kasaConfig'>> & {
  readonly kasaConfig?: Partial<KasaPenalty>;
} & TargetOptions;

const { rank, alpha, dropout, useRslora, loraBias, rankPattern, alphaPattern } =
  loraVariant.schema.shape;
const defaults: KasaPenalty = { beta: 1e-4, gamma: 1e-3 };

export const kasaVariant: Variant<KasaConfig> = {
  name: 'kasa',
  paper: 'Wang et al. 2024, https://arxiv.org/abs/2412.06071',
  schema: z
    .strictObject({
      rank,
      alpha,
      dropout,
      useRslora,
      loraBias,
      rankPattern,
      alphaPattern,
      initLoraWeights: peftField(
        z
          .union([z.boolean(), z.enum(['gaussian', 'orthogonal', 'eva'])], {
            error:
              "true, false, 'gaussian', 'orthogonal' or 'eva': KaSA cuts what others start from",
          })
          .default(true),
        'init_lora_weights',
      ),
      kasaConfig: peftField(
        z
          .strictObject({
            beta: z.number().min(0).default(defaults.beta),
            gamma: z.number().min(0).default(defaults.gamma),
          })
          .default(defaults),
        'kasa_config',
      ),
    })
    .refine(({ loraBias, initLoraWeights: init }) => !loraBias || typeof init === 'boolean', {
      error: 'the bias of B (lora_bias) needs first values of true or false',
      path: ['loraBias'],
    }),
  kinds: ['linear'],
  traits: {
    // What is taken away is missed from the first step on.
    identityAtInit: () => false,
    maxRank: ({ rank: R }) => 2 * R,
    isRandomAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: ({ rank: R, loraBias }, { in: inputs, out }) =>
      R * (inputs + out + 1) + (loraBias ? out : 0),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 2),
    alpha: draw.pick([0.5, 2, 3]),
    dropout: draw.pick([0, 0.5]),
    useRslora: draw.boolean(),
    ...draw.pick([
      { initLoraWeights: true, loraBias: true },
      { initLoraWeights: false, loraBias: true },
      { initLoraWeights: true, loraBias: false },
      { initLoraWeights: false, loraBias: false },
      { initLoraWeights: 'gaussian', loraBias: false },
      { initLoraWeights: 'orthogonal', loraBias: false },
      { initLoraWeights: 'eva', loraBias: false },
    ] as const),
    rankPattern: draw.boolean() ? {} : { first: draw.integer(1, 2) },
    alphaPattern: draw.boolean() ? {} : { second: 5 },
    kasaConfig: { beta: draw.pick([0, 0.1]), gamma: draw.pick([0, 0.2]) },
  }),
  sides: [3, 4, 5],
  refusal: (config, shape) => {
    const most = Math.min(shape.in, shape.out);
    return config.rank < most
      ? refusalOf(asLora(config), shape)
      : `the rank must be below ${most}, so that something of the weight is left`;
  },
  peft: {
    ...loraFormat,
    mark: { key: 'kasa_config' },
    keys: () => ({ A: 'lora_A.weight', B: 'lora_B.weight', diagonal: 'lora_diag' }),
  },

  configAt: patternedAt,

  init: (args) => ({
    ...loraVariant.init({ ...args, config: asLora(args.config) }),
    diagonal: normal(foldIn(args.key, 'diagonal'), [args.config.rank]),
  }),

  frozen({ base, config: { rank: R } }) {
    const weight = base();
    // Half floats have too few digits for a decomposition.
    const { u, s, v } = svd(cast(weight, promote(weight.dtype, 'f32')));
    const start = (s.shape[0] ?? 0) - R;
    const last = (part: Tensor, axis: number): Tensor => sliceAxis(part, axis, start, R);
    return { droppedA: swapAxes(last(v, 1)), droppedB: mul(last(u, 1), last(s, 0)) };
  },

  materialize(args) {
    const { left, right } = changeOf(args);
    return add(args.base(), dot(left, right, { contract: [[1], [0]] })); // [out, in]
  },

  contract(x, args) {
    const { A, B } = droppedOf(args);
    const low = dot(x, A, { contract: [[-1], [1]] }); // [..., R]
    const kept = sub(args.product(x), dot(low, B, { contract: [[-1], [1]] })); // [..., out]
    const product = (): Tensor => kept;
    return loraVariant.contract?.(x, { ...updateOf(args), product }) ?? kept;
  },

  lowRank: changeOf,

  bias: biasOfB,

  penalty: (places) => places.map(penaltyOf).reduce((total, penalty) => add(total, penalty)),

  factors: () => ({ left: 'B', right: 'A', scale: null }),
};

/**
 * Knowledge-aware singular-value adaptation: the weight without its R smallest singular values, plus `alpha / R` times
 * `B diag(d) A`, where A, B and the R values d train. Add `adapterPenalty` to the loss, which keeps A and B near orthonormal
 * and d small.
 *
 * The base stays as it is: what is taken away is kept as two thin factors, made when the adapter is put on, of the weight
 * under it. The rank must be below both sides of the weight.
 */
export function kasa({ kasaConfig, ...options }: KasaOptions = {}): Method<KasaConfig> {
  return method(kasaVariant, { ...options, kasaConfig: { ...defaults, ...kasaConfig } });
}

function asLora({ kasaConfig: _, ...config }: KasaConfig): LoraConfig {
  return { ...config, useDora: false };
}

/** The update as LoRA's, with the singular values worked into B. */
function updateOf<A extends Omit<AdapterArguments<KasaConfig>, 'base'>>(
  args: A,
): Omit<A, 'config'> & { readonly config: LoraConfig } {
  const { parameters, config } = args;
  const B = mul(parameterOf(parameters, 'B'), parameterOf(parameters, 'diagonal')); // [out, R]
  return { ...args, config: asLora(config), parameters: { ...parameters, B }, frozen: {} };
}

/** The update and what is taken away, as one product. */
function changeOf(args: Omit<AdapterArguments<KasaConfig>, 'base'>): LowRank {
  const { A: right, B: left } = droppedOf(args);
  const { parameters, config } = updateOf(args);
  const [A, B] = [parameterOf(parameters, 'A'), parameterOf(parameters, 'B')];
  return sumOf([
    { left: B, right: A, scale: scalingOf(config) },
    { left, right, scale: -1 },
  ]);
}

/** What is taken away: the product of A [R, in] and B [out, R]. */
function droppedOf({ frozen }: Pick<AdapterArguments<KasaConfig>, 'frozen'>): {
  readonly A: Tensor;
  readonly B: Tensor;
} {
  return { A: parameterOf(frozen, 'droppedA'), B: parameterOf(frozen, 'droppedB') };
}

function penaltyOf({ parameters, config }: TrainedPlace<KasaConfig>): Tensor {
  const { beta, gamma } = config.kasaConfig;
  const values = sum(square(parameterOf(parameters, 'diagonal')));
  const [A, B] = [
    skewness(parameterOf(parameters, 'A'), 1),
    skewness(parameterOf(parameters, 'B'), 0),
  ];
  return add(mul(values, beta), mul(add(A, B), gamma));
}
