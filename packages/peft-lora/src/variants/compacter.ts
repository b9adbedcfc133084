import type { Shared } from '@lorikeet/nn';
import {
  add,
  einsum,
  foldIn,
  normal,
  reshape,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import {
  aroundBottleneck,
  type BottleneckConfig,
  bottleneckWidths,
} from '../modules/aroundBottleneck.ts';
import {
  type ModuleInitArguments,
  type ModuleMethod,
  type ModuleVariant,
  moduleMethod,
} from '../modules/moduleVariant.ts';
import { ownFormat } from '../modules/ownFormat.ts';
import { sharedPart } from '../modules/sharedPart.ts';
import { widthsOf } from '../modules/widths.ts';
import { peftField } from '../variant.ts';

export interface CompacterConfig extends BottleneckConfig {
  /** How many products N a layer is a sum of; it divides all widths. */
  readonly factors: number;
  /** Rank K of the second factor of each product. */
  readonly rank: number;
}

export type CompacterOptions = Partial<CompacterConfig>;

/** One layer: the sum over i of rules[i] (x) left[i] right[i]. */
interface Product {
  /** [N, in / N, K] */
  readonly left: Tensor;
  /** [N, K, out / N] */
  readonly right: Tensor;
  /** [out] */
  readonly bias: Tensor;
}

interface CompacterParameters {
  /** [2, N, N, N]: the first factors of both layers, the same for all modules. */
  readonly rules: Shared<Tensor>;
  readonly down: Product;
  readonly up: Product;
}

export const compacterVariant: ModuleVariant<CompacterConfig, CompacterParameters> = {
  name: 'compacter',
  paper: 'Karimi Mahabadi et al. 2021, https://arxiv.org/abs/2106.04647',
  site: 'module',
  schema: z.strictObject({
    size: peftField(z.int().positive(), 'size'),
    activation: peftField(z.string().default('gelu'), 'activation'),
    parallel: peftField(z.boolean().default(false), 'parallel'),
    scaling: peftField(z.number().default(1), 'scaling'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'dropout'),
    factors: peftField(z.int().positive().default(4), 'factors'),
    rank: peftField(z.int().positive().default(1), 'rank'),
  }),
  traits: {
    identityAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, module) => {
      const { inputs, outputs } = bottleneckWidths(module, config);
      const { size, rank } = config;
      return rank * (inputs + 2 * size + outputs) + size + outputs;
    },
    sharedParameterCount: ({ factors }) => 2 * factors ** 3,
  },
  sample: (draw) => ({
    ...draw.pick([
      { size: 2, factors: 2 },
      { size: 4, factors: 2 },
      { size: 4, factors: 4 },
      { size: 4, factors: 1 },
    ]),
    activation: draw.pick(['relu', 'gelu', 'silu']),
    parallel: draw.boolean(),
    scaling: draw.pick([0.5, 1, 4]),
    dropout: draw.pick([0, 0.5]),
    rank: draw.integer(1, 2),
  }),
  peft: ownFormat('LORIKEET_COMPACTER', {
    stored: first,
    encode: ({ rules, down, up }) => ({
      compacter_rules: rules.value,
      'compacter_down.left': down.left,
      'compacter_down.right': down.right,
      'compacter_down.bias': down.bias,
      'compacter_up.left': up.left,
      'compacter_up.right': up.right,
      'compacter_up.bias': up.bias,
    }),
    paths: {
      compacter_rules: 'rules.value',
      'compacter_down.left': 'down.left',
      'compacter_down.right': 'down.right',
      'compacter_down.bias': 'down.bias',
      'compacter_up.left': 'up.left',
      'compacter_up.right': 'up.right',
      'compacter_up.bias': 'up.bias',
    },
  }),
  accepts: (module) => widthsOf(module) !== undefined,
  refusal(config, module) {
    const { inputs, outputs } = bottleneckWidths(module, config);
    const odd = [inputs, outputs, config.size].find((width) => width % config.factors !== 0);
    return odd === undefined ? undefined : `${odd} features are no multiple of ${config.factors}`;
  },
  share(places, key) {
    const N = places[0]?.config.factors ?? 0;
    const shared = { rules: normal(key, [2, N, N, N], 0, 0.5) };
    return places.map(() => shared);
  },
  init: first,
  call: (args) => {
    const { rules, down, up } = args.parameters;
    return aroundBottleneck(
      args,
      (x) => multiply(x, ruleOf(rules.value, 0), down),
      (x) => multiply(x, ruleOf(rules.value, 1), up),
    );
  },
};

/**
 * Compacter: a bottleneck adapter whose layers are sums of Kronecker products, of small matrices that all modules share and of
 * matrices of low rank. The products are never formed.
 */
export function compacter(options: CompacterOptions): ModuleMethod<CompacterConfig> {
  return moduleMethod(compacterVariant, options);
}

function first({
  module,
  config,
  key,
  shared,
}: ModuleInitArguments<CompacterConfig>): CompacterParameters {
  const { inputs, outputs } = bottleneckWidths(module, config);
  const { size, factors: N, rank } = config;
  const left = (width: number, name: string): Tensor =>
    normal(foldIn(key, name), [N, width / N, rank], 0, 1 / Math.sqrt(width));
  return {
    rules: sharedPart(shared, 'rules'),
    down: {
      left: left(inputs, 'down.left'),
      right: normal(foldIn(key, 'down.right'), [N, rank, size / N]),
      bias: zeros([size]),
    },
    // The second factor is zero, so that the adapter gives nothing at first.
    up: {
      left: left(size, 'up.left'),
      right: zeros([N, rank, outputs / N]),
      bias: zeros([outputs]),
    },
  };
}

/** [N, N, N] of one of the two layers. */
function ruleOf(rules: Tensor, layer: number): Tensor {
  const [, N = 1] = rules.shape;
  return reshape(sliceAxis(rules, 0, layer, 1), [N, N, N]);
}

/** [..., in] to [..., out]. */
function multiply(x: Tensor, rules: Tensor, { left, right, bias }: Product): Tensor {
  const [N = 1, width = 0] = left.shape;
  const parts = reshape(x, [-1, N, width]); // [M, p, a]
  const low = einsum('mpa,iak->mpik', parts, left);
  const mixed = einsum('mpik,ipq->mqik', low, rules);
  const product = einsum('mqik,ikb->mqb', mixed, right);
  return add(reshape(product, [...x.shape.slice(0, -1), bias.size]), bias);
}
