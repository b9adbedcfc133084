import { activation, kaimingUniform } from '@lorikeet/nn';
import { add, dot, foldIn, mul, type Tensor, zeros } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface PeanutConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** Pairs of hidden layers between the first and the last. */
  readonly depth: number;
  /** Hugging Face's name of the function after each layer but the last. */
  readonly activation: string;
  /** The update is scaled by this. */
  readonly scaling: number;
  /** Starts as the base; else the last layer is random, too. */
  readonly initWeights: boolean;
}

export type PeanutOptions = Partial<PeanutConfig> & TargetOptions;

export const peanutVariant: Variant<PeanutConfig> = {
  name: 'peanut',
  paper: 'Zhong et al. 2024, https://arxiv.org/abs/2410.01870',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(32), 'r'),
    depth: peftField(z.int().min(0).default(0), 'depth'),
    activation: peftField(z.string().default('relu'), 'act_fn'),
    scaling: peftField(z.number().default(1), 'scaling'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ rank }) => rank,
    isRandomAtInit: () => true,
    isStochastic: () => false,
    parameterCount: (config, shape) =>
      layersOf(config, shape).reduce((count, { sides: [out, inputs] }) => count + out * inputs, 0),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    depth: draw.integer(0, 2),
    // Of few numbers `relu` may leave none, and no gradient with it.
    activation: draw.pick(['gelu', 'silu', 'tanh', 'sigmoid']),
    scaling: draw.pick([0.5, 1, 3]),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'PEANUT',
    inactive: { exclude_modules: null, layers_pattern: null, layers_to_transform: null },
    keys: (_kind, { depth }) =>
      Object.fromEntries(namesOf(depth).map(({ name, key }) => [name, `peanut_${key}.weight`])),
  },

  init({ shape, config, key }) {
    activation(config.activation); // which refuses a name that is not known
    return Object.fromEntries(
      layersOf(config, shape).map(({ name, sides }) => {
        const isZero = config.initWeights && name === 'B';
        return [name, isZero ? zeros(sides) : kaimingUniform()(foldIn(key, name), sides)] as const;
      }),
    );
  },

  materialize(args) {
    const update = dot(parameterOf(args.parameters, 'B'), hiddenOf(args), { contract: [[1], [1]] });
    return add(args.base(), mul(update, args.config.scaling)); // [out, in]
  },

  contract(x, args) {
    const low = dot(x, hiddenOf(args), { contract: [[-1], [0]] }); // [..., R]
    const update = dot(low, parameterOf(args.parameters, 'B'), { contract: [[-1], [1]] }); // [..., out]
    return add(args.product(x), mul(update, args.config.scaling));
  },
};

/**
 * Adaptation by a neural network of the weight: each column of the weight, the numbers that one input meets, goes through a
 * network to R features and by a last layer to its change. Hidden layers are there in pairs, each with a way around it.
 */
export function peanut(options: PeanutOptions = {}): Method<PeanutConfig> {
  return method(peanutVariant, options);
}

/** The features of each input: [in, R]. */
function hiddenOf({ base, config, parameters }: AdapterArguments<PeanutConfig>): Tensor {
  const function_ = activation(config.activation);
  const layer = (h: Tensor, name: string): Tensor =>
    function_(dot(h, parameterOf(parameters, name), { contract: [[1], [1]] }));
  let hidden = function_(dot(base(), parameterOf(parameters, 'A'), { contract: [[0], [1]] }));
  const before: Tensor[] = [];
  for (let i = 0; i < config.depth; i++) {
    before.unshift(hidden);
    hidden = layer(hidden, `encoder${i}`);
  }
  for (const [i, around] of before.entries()) hidden = add(layer(hidden, `decoder${i}`), around);
  return hidden;
}

/** The layers, with their ends of keys in PEFT's files. */
function namesOf(depth: number): { readonly name: string; readonly key: string }[] {
  const hidden = ['encoder', 'decoder'].flatMap((kind) =>
    Array.from({ length: depth }, (_, i) => ({ name: `${kind}${i}`, key: `${kind}s.${i}` })),
  );
  return [{ name: 'A', key: 'A' }, ...hidden, { name: 'B', key: 'B' }];
}

function layersOf(
  { rank: R, depth }: PeanutConfig,
  { out }: SiteShape,
): { readonly name: string; readonly sides: readonly [out: number, inputs: number] }[] {
  return namesOf(depth).map(({ name }) => {
    return { name, sides: name === 'A' ? [R, out] : name === 'B' ? [out, R] : [R, R] };
  });
}
