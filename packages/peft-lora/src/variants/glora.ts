import { kaimingUniform } from '@lorikeet/nn';
import {
  add,
  dot,
  foldIn,
  mul,
  normal,
  reshape,
  sum,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { SiteShape } from '../siteShape.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Tensors, type Variant } from '../variant.ts';

export interface GloraConfig {
  /** Rank R of what is a low-rank product. */
  readonly rank: number;
  /** What A, which scales the weight, and B, which is added, are: low-rank products, a number for each output, or one. */
  readonly configAB: 'lora' | 'vector' | 'constant' | 'none';
  /** What C is, whose product with the weight is added to the bias: a low-rank product, or a number for each input. */
  readonly configC: 'lora' | 'vector' | 'none';
  /** What D, which scales the bias, and E, which is added, are: a number for each output, or one. */
  readonly configDE: 'vector' | 'constant' | 'none';
  /** Starts as the base; else all is random. */
  readonly initWeights: boolean;
}

export type GloraOptions = Partial<GloraConfig> & TargetOptions;

/** One of the five terms: its form, and the sides of the matrix that it stands for. */
interface Term {
  readonly name: string;
  readonly form: 'lora' | 'vector' | 'constant' | 'none';
  readonly sides: readonly number[];
}

export const gloraVariant: Variant<GloraConfig> = {
  name: 'glora',
  paper: 'Chavan et al. 2023, https://arxiv.org/abs/2306.07967',
  schema: z.strictObject({
    rank: peftField(z.int().positive().default(8), 'r'),
    configAB: peftField(
      z.enum(['lora', 'vector', 'constant', 'none']).default('lora'),
      'config_A_B',
    ),
    configC: peftField(z.enum(['lora', 'vector', 'none']).default('lora'), 'config_C'),
    configDE: peftField(z.enum(['vector', 'constant', 'none']).default('constant'), 'config_D_E'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: () => undefined,
    isRandomAtInit: ({ initWeights, configAB, configC }) =>
      !initWeights || configAB === 'lora' || configC === 'lora',
    isStochastic: () => false,
    parameterCount: (config, shape) =>
      termsOf(config, shape).reduce((count, term) => count + sizeOf(term, config.rank), 0),
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    // Of a module without a bias a low-rank C says nothing, so that A and B are to be random, too.
    ...draw.pick([
      { configAB: 'lora', configC: 'lora' },
      { configAB: 'lora', configC: 'vector' },
      { configAB: 'lora', configC: 'none' },
      { configAB: 'vector', configC: 'vector' },
      { configAB: 'constant', configC: 'none' },
    ] as const),
    configDE: draw.pick(['vector', 'constant', 'none']),
    initWeights: draw.boolean(),
  }),
  refusal: (config, shape) =>
    termsOf(config, shape).every(({ form }) => form === 'none')
      ? `nothing trains of a weight ${shape.hasBias ? 'and a bias' : 'without a bias'} with these forms`
      : undefined,
  peft: {
    type: 'GLORA',
    inactive: { bias: 'none' },
    keys: () =>
      Object.fromEntries(
        ['A', 'B', 'C', 'D', 'E'].flatMap((name) => [
          [`left${name}`, `glora_${name}.Xd`],
          [`right${name}`, `glora_${name}.Xu`],
          [name, `glora_${name}.X`],
          [`no${name}`, `glora_${name}.zeros`],
        ]),
      ),
  },

  init: ({ shape, config, key }) =>
    Object.assign({}, ...termsOf(config, shape).map((term) => firstValues(term, config, key))),

  // PEFT's files hold what is not there as zeros.
  frozen: ({ shape, config }) =>
    Object.fromEntries(
      termsOf(config, shape).flatMap(({ name, form, sides }) =>
        form === 'none' ? [[`no${name}`, zeros(sides)] as const] : [],
      ),
    ),

  materialize({ base, config, parameters }) {
    if (config.configAB === 'none') return base();
    const [A, B] = [wholeOf('A', parameters), wholeOf('B', parameters)];
    return add(mul(base(), add(A, 1)), B); // [out, in]
  },

  contract(x, { base, shape, config, parameters, product }) {
    const own = product(x);
    if (config.configAB === 'none') return own;
    if (config.configAB === 'lora') {
      const scaled = dot(x, mul(base(), wholeOf('A', parameters)), { contract: [[-1], [1]] });
      const low = dot(x, parameterOf(parameters, 'rightB'), { contract: [[-1], [1]] }); // [..., R]
      const added = dot(low, parameterOf(parameters, 'leftB'), { contract: [[-1], [1]] });
      return add(add(own, scaled), added); // [..., out]
    }
    const flat = (name: string): Tensor => reshape(parameterOf(parameters, name), [-1]); // [out] or [1]
    const added = mul(sum(x, -1, { keepAxes: true }), flat('B')); // [..., out] or [..., 1]
    const rows = [...x.shape.slice(0, -1), shape.out];
    return add(mul(own, add(flat('A'), 1)), added.broadcastTo(rows));
  },

  adaptBias(bias, { base, shape, config, parameters }) {
    if (bias === null) return null;
    const terms = termsOf(config, shape).filter(({ form }) => form !== 'none');
    const has = (name: string): boolean => terms.some((term) => term.name === name);
    const scaled = has('D') ? mul(bias, add(parameterOf(parameters, 'D'), 1)) : bias;
    const added = has('E') ? add(scaled, parameterOf(parameters, 'E')) : scaled;
    if (!has('C')) return added;
    const shift = dot(base(), wholeOf('C', parameters), { contract: [[1], [0]] }); // [out, 1]
    return add(added, reshape(shift, [shape.out]));
  },
};

/**
 * Generalised low-rank adaptation: the weight becomes `W + W * A + B`, elementwise, and the bias
 * `b + b * D + E + W C`.
 */
export function glora(options: GloraOptions = {}): Method<GloraConfig> {
  return method(gloraVariant, options);
}

/** The five terms of a place. Those of the bias are nothing where there is none. */
function termsOf({ configAB, configC, configDE }: GloraConfig, shape: SiteShape): readonly Term[] {
  const { out, in: inputs, hasBias } = shape;
  const ofBias = <Form extends Term['form']>(form: Form): Form | 'none' =>
    hasBias ? form : 'none';
  return [
    { name: 'A', form: configAB, sides: [out, inputs] },
    { name: 'B', form: configAB, sides: [out, inputs] },
    { name: 'C', form: ofBias(configC), sides: [inputs, 1] },
    { name: 'D', form: ofBias(configDE), sides: [out] },
    { name: 'E', form: ofBias(configDE), sides: [out] },
  ];
}

function sizeOf({ form, sides: [rows = 1, columns = 1] }: Term, R: number): number {
  if (form === 'lora') return R * (rows + columns);
  return form === 'vector' ? rows : form === 'constant' ? 1 : 0;
}

function firstValues(
  { name, form, sides }: Term,
  { rank: R, initWeights }: GloraConfig,
  key: Tensor,
): Tensors {
  const [rows = 1, columns = 1] = sides;
  const draw = (label: string, shape: readonly number[]): Tensor =>
    kaimingUniform()(foldIn(key, label), shape);
  if (form === 'none') return {};
  if (form === 'lora') {
    const left = initWeights ? zeros([rows, R]) : draw(`left${name}`, [rows, R]);
    return { [`left${name}`]: left, [`right${name}`]: draw(`right${name}`, [R, columns]) };
  }
  if (form === 'constant')
    return { [name]: initWeights ? zeros([1]) : normal(foldIn(key, name), [1], 0, 0.02) };
  const shape = sides.length === 1 ? [rows] : [rows, 1];
  if (initWeights) return { [name]: zeros(shape) };
  return { [name]: reshape(draw(name, sides.length === 1 ? [1, rows] : shape), shape) };
}

/** A term as a matrix, or as what broadcasts to it. */
function wholeOf(name: string, parameters: Tensors): Tensor {
  const { [`left${name}`]: left, [`right${name}`]: right } = parameters;
  return left === undefined || right === undefined
    ? parameterOf(parameters, name)
    : dot(left, right, { contract: [[1], [0]] });
}
