import { mul, normal, ones, reshape, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import { pythonRegExp } from '../peft/pythonRegExp.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type AdapterArguments, type Method, method, peftField, type Variant } from '../variant.ts';

export interface Ia3Config {
  /**
   * Modules whose input is scaled, where that of the others is the output: ends of their paths, by text as in PEFT, or a
   * regular expression for whole paths.
   */
  readonly feedforwardModules: readonly string[] | string;
  /** Starts as the base; else the scales are random. */
  readonly initWeights: boolean;
}

export type Ia3Options = Partial<Ia3Config> & TargetOptions;

export const ia3Variant: Variant<Ia3Config> = {
  name: 'ia3',
  paper: 'Liu et al. 2022, https://arxiv.org/abs/2205.05638',
  schema: z.strictObject({
    feedforwardModules: peftField(
      z.union([z.array(z.string().min(1)), z.string()]).default([]),
      'feedforward_modules',
    ),
    initWeights: peftField(z.boolean().default(true), 'init_ia3_weights'),
  }),
  kinds: ['linear', 'conv'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: (config, shape) => scaledSize(shape, config),
  },
  sample: (draw) => ({
    feedforwardModules: draw.pick([[], ['first'], ['first', 'econd'], '.*second']),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'IA3',
    inactive: { exclude_modules: null, fan_in_fan_out: false },
    keys: () => ({ scale: 'ia3_l' }),
  },

  configAt: (config, path) => ({
    ...config,
    feedforwardModules: isFeedforward(config, path) ? [path] : [],
  }),

  init({ shape, config, key }) {
    const sides = shape.kernel.map(() => 1);
    const size = scaledSize(shape, config);
    // A convolution's scale lies along the channels of what it scales, a matrix's along its side.
    const isRow = shape.kind === 'conv' || scalesInput(config);
    const sizes = isRow ? [1, size, ...sides] : [size, 1];
    return { scale: config.initWeights ? ones(sizes) : normal(key, sizes) };
  },

  materialize(args) {
    const { shape, config, base } = args;
    const { out, in: inputs, kernel, groups } = shape;
    if (!scalesInput(config))
      return mul(base(), reshape(scaleOf(args), [out, 1, ...kernel.map(() => 1)]));
    // Each group of outputs has inputs of its own.
    const grouped = reshape(base(), [groups, out / groups, inputs, ...kernel]);
    const scale = reshape(scaleOf(args), [groups, 1, inputs, ...kernel.map(() => 1)]);
    return reshape(mul(grouped, scale), [out, inputs, ...kernel]);
  },

  contract(x, args) {
    const scale = scaleOf(args);
    return scalesInput(args.config)
      ? args.product(mul(x, scale)) // [..., in]
      : mul(args.product(x), scale); // [..., out]
  },

  convolve(x, args) {
    const scale = reshape(scaleOf(args), [-1, ...x.shape.slice(2).map(() => 1)]);
    return scalesInput(args.config)
      ? args.product(mul(x, scale)) // [B, C, ...spatial]
      : mul(args.product(x), scale); // [B, O, ...spatial]
  },

  adaptBias: (bias, args) =>
    bias === null || scalesInput(args.config) ? bias : mul(bias, scaleOf(args)),
};

/** (IA)3: a learned scale for each output of a module, its bias included, or for each input of a feed-forward one. */
export function ia3(options: Ia3Options = {}): Method<Ia3Config> {
  return method(ia3Variant, options);
}

/** Whether it is so at the place that a config is for. */
function scalesInput({ feedforwardModules }: Ia3Config): boolean {
  return feedforwardModules.length > 0;
}

function isFeedforward({ feedforwardModules: modules }: Ia3Config, path: string): boolean {
  return typeof modules === 'string'
    ? modules !== '' && pythonRegExp(modules).test(path)
    : modules.some((name) => path.endsWith(name));
}

function scaledSize({ out, in: inputs, groups }: SiteShape, config: Ia3Config): number {
  return scalesInput(config) ? inputs * groups : out;
}

/** [size] */
function scaleOf({ parameters }: AdapterArguments<Ia3Config>): Tensor {
  return reshape(parameterOf(parameters, 'scale'), [-1]);
}
