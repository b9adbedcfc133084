import { isAdaptable, type Shared } from '@lorikeet/nn';
import {
  add,
  cast,
  dot,
  foldIn,
  LorikeetError,
  matmul,
  mean,
  mul,
  reshape,
  softmax,
  Tensor,
  uniform,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { alikePlaces, requireOneWord } from '../modules/alikePlaces.ts';
import {
  type ModuleInitArguments,
  type ModuleMethod,
  type ModulePlace,
  type ModuleVariant,
  moduleMethod,
} from '../modules/moduleVariant.ts';
import { namedPlaces } from '../modules/namedPlaces.ts';
import { sharedPart } from '../modules/sharedPart.ts';
import { widthsOf } from '../modules/widths.ts';
import { peftField } from '../variant.ts';

export interface LilyConfig {
  /** Rank R. */
  readonly rank: number;
  /** How many modules of a name, one after the other, have one A. */
  readonly strideA: number;
  /** How many B all modules of a name have in common: N. */
  readonly numB: number;
  /** What the update is multiplied with. */
  readonly scaling: number;
  /** Starts as the base; else the update is random. */
  readonly initWeights: boolean;
  /** `peft`: the gates are means over all tokens of the batch, so that its rows depend on each other. */
  readonly compat: 'peft' | null;
}

export type LilyOptions = Partial<LilyConfig>;

interface LilyParameters {
  /** [R, in] */
  readonly A: Shared<Tensor>;
  /** [N * R, out] */
  readonly B: Shared<Tensor>;
  /** [N, R] */
  readonly router: Tensor;
}

export const lilyVariant: ModuleVariant<LilyConfig, LilyParameters> = {
  name: 'lily',
  paper: 'Zhong et al. 2024, https://arxiv.org/abs/2407.09946',
  site: 'module',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(32), 'r'),
    strideA: peftField(z.int().positive().default(1), 'stride_A'),
    numB: peftField(z.int().min(2).default(2), 'num_B'),
    scaling: peftField(z.number().default(1), 'scaling'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
    compat: peftField(z.literal('peft').nullable().default(null), 'lorikeet_compat'),
  }),
  traits: {
    identityAtInit: ({ initWeights, scaling }) => initWeights || scaling === 0,
    isStochastic: () => false,
    parameterCount: ({ rank, numB }) => rank * numB,
    sharedParameterCount: ({ rank, strideA, numB }, places) =>
      alikePlaces(places).reduce(
        (sum, { own: { length }, inputs, outputs }) =>
          sum + rank * (Math.ceil(length / strideA) * inputs + numB * outputs),
        0,
      ),
    mixesRows: ({ compat }) => compat === 'peft',
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    strideA: draw.integer(1, 3),
    numB: draw.integer(2, 3),
    scaling: draw.pick([0.5, 1, 2]),
    initWeights: draw.boolean(),
    compat: draw.pick([null, 'peft'] as const),
  }),
  peft: {
    ...namedPlaces,
    type: 'LILY',
    prefix: 'base_model.model.',
    isInModule: true,
    ownKeys: ['lorikeet_compat'],
    derived(config, places, model) {
      requireOneWord('lily', places);
      return namedPlaces.derived(config, places, model);
    },
    stored: first,
    encode: ({ A, B, router }) => ({
      'lily_A.weight': A.value,
      'lily_B.weight': B.value,
      'lily_router.weight': router,
    }),
    paths: {
      'lily_A.weight': 'A.value',
      'lily_B.weight': 'B.value',
      'lily_router.weight': 'router',
    },
  },
  accepts: (module) => isAdaptable(module) && widthsOf(module) !== undefined,

  share(places, key) {
    const parts = alikePlaces(places).flatMap(({ own, inputs, outputs }) => {
      const B = firstB(own, outputs, key);
      const runs = runsOf(own).map((run) => ({ run, A: firstA(run, inputs, key) }));
      return runs.flatMap(({ run, A }) => run.map((place) => [place, { A, B }] as const));
    });
    const byPlace = new Map(parts);
    return places.map((place) => byPlace.get(place) ?? {});
  },

  init: first,

  call({ inputs, config, parameters: { A, B, router }, base }) {
    const output = tensorOf(base(...inputs)); // [..., out]
    const given = tensorOf(inputs[0]); // [..., in]
    const { rank: R, numB: N, scaling, compat } = config;
    const x = cast(given, A.value.dtype);
    const rows = compat === 'peft' || x.rank < 2 ? 1 : (x.shape[0] ?? 1);
    const hidden = reshape(dot(x, A.value, { contract: [[-1], [1]] }), [rows, -1, R]); // [B, T, R]
    const gates = softmax(dot(hidden, router, { contract: [[-1], [1]] })); // [B, T, N]
    const shares = mean(gates, 1); // [B, N]
    const update =
      hidden.shape[1] === 1
        ? matmul(reshape(mul(reshape(shares, [rows, N, 1]), hidden), [rows, N * R]), B.value)
        : matmul(hidden, reshape(matmul(shares, reshape(B.value, [N, -1])), [rows, R, -1]));
    return add(output, cast(reshape(mul(update, scaling), output.shape), output.dtype));
  },
};

/**
 * Low-rank interconnected adaptation across layers: linear layers of one name and shape have their B in common, and some of
 * them, one after the other, their A. A router of each mixes the B by the mean of its gates over all tokens of a sequence, the
 * axes between the first and the last of the input. What a token gets depends on those after it.
 */
export function lily(options: LilyOptions = {}): ModuleMethod<LilyConfig> {
  return moduleMethod(lilyVariant, options);
}

function first({ config, key, shared }: ModuleInitArguments<LilyConfig>): LilyParameters {
  const { rank: R, numB: N } = config;
  const router = spread(foldIn(key, 'router'), [N, R], R);
  return { A: sharedPart(shared, 'A'), B: sharedPart(shared, 'B'), router };
}

type Place = ModulePlace<LilyConfig>;

/** Those that have one A. */
function runsOf(own: readonly Place[]): (readonly Place[])[] {
  const stride = own[0]?.config.strideA ?? 1;
  const starts = own.map((_, i) => i).filter((i) => i % stride === 0);
  return starts.map((start) => own.slice(start, start + stride));
}

/** [R, in] */
function firstA([place]: readonly Place[], inputs: number, key: Tensor): Tensor {
  const own = foldIn(foldIn(key, 'A'), place?.path ?? '');
  return spread(own, [place?.config.rank ?? 0, inputs], inputs);
}

/** [N * R, out] */
function firstB([place]: readonly Place[], outputs: number, key: Tensor): Tensor {
  const { rank = 0, numB = 0, initWeights = true } = place?.config ?? {};
  const sides = [numB * rank, outputs];
  if (initWeights) return zeros(sides);
  return spread(foldIn(foldIn(key, 'B'), place?.path ?? ''), sides, outputs);
}

/** Uniform within one over the root of the number of inputs, as layers of PyTorch start. */
function spread(key: Tensor, sides: readonly number[], inputs: number): Tensor {
  const bound = 1 / Math.sqrt(inputs);
  return uniform(key, sides, -bound, bound);
}

function tensorOf(value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new LorikeetError('internal', 'a linear layer takes and gives a tensor');
}
