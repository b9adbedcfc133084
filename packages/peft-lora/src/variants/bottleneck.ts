import { Linear, materialize, normalInitializer } from '@lorikeet/nn';
import { foldIn, type Tensor, zeros } from '@lorikeet/tensor-core';
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
import { widthsOf } from '../modules/widths.ts';
import { peftField } from '../variant.ts';

export type BottleneckOptions = Partial<BottleneckConfig>;

interface BottleneckParameters {
  readonly down: Linear;
  readonly up: Linear;
}

export const bottleneckVariant: ModuleVariant<BottleneckConfig, BottleneckParameters> = {
  name: 'bottleneck',
  paper: 'Houlsby et al. 2019, https://arxiv.org/abs/1902.00751',
  site: 'module',
  schema: z.strictObject({
    size: peftField(z.int().positive(), 'size'),
    activation: peftField(z.string().default('relu'), 'activation'),
    parallel: peftField(z.boolean().default(false), 'parallel'),
    scaling: peftField(z.number().default(1), 'scaling'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'dropout'),
  }),
  traits: {
    identityAtInit: () => true,
    isStochastic: ({ dropout }) => dropout > 0,
    parameterCount: (config, module) => {
      const { inputs, outputs } = bottleneckWidths(module, config);
      return config.size * (inputs + 1) + outputs * (config.size + 1);
    },
  },
  sample: (draw) => ({
    size: draw.integer(1, 3),
    activation: draw.pick(['relu', 'gelu', 'silu']),
    parallel: draw.boolean(),
    scaling: draw.pick([0.5, 1, 4]),
    dropout: draw.pick([0, 0.5]),
  }),
  peft: ownFormat('LORIKEET_BOTTLENECK', {
    stored: first,
    encode: ({ down, up }) => ({
      'bottleneck_down.weight': materialize(down.weight),
      'bottleneck_down.bias': biasOf(down),
      'bottleneck_up.weight': materialize(up.weight),
      'bottleneck_up.bias': biasOf(up),
    }),
    paths: {
      'bottleneck_down.weight': 'down.weight',
      'bottleneck_down.bias': 'down.bias',
      'bottleneck_up.weight': 'up.weight',
      'bottleneck_up.bias': 'up.bias',
    },
  }),
  accepts: (module) => widthsOf(module) !== undefined,
  init: first,
  call: (args) => {
    const { down, up } = args.parameters;
    return aroundBottleneck(
      args,
      (x, context) => down.call(x, context),
      (x, context) => up.call(x, context),
    );
  },
};

/**
 * A bottleneck adapter: two layers with a narrow middle, whose result is added to what a module gives. After the projections of
 * attention and feed-forward it is Houlsby's, after those of feed-forward alone Pfeiffer's (2020,
 * https://arxiv.org/abs/2005.00052), with `parallel` beside a feed-forward block that of He et al. (2021,
 * https://arxiv.org/abs/2110.04366).
 */
export function bottleneck(options: BottleneckOptions): ModuleMethod<BottleneckConfig> {
  return moduleMethod(bottleneckVariant, options);
}

function first({
  module,
  config,
  key,
}: ModuleInitArguments<BottleneckConfig>): BottleneckParameters {
  const { inputs, outputs } = bottleneckWidths(module, config);
  const initializer = normalInitializer(0.02);
  const down = { inFeatures: inputs, outFeatures: config.size, initializer };
  return {
    down: Linear.init(down, foldIn(key, 'down')),
    up: new Linear(zeros([outputs, config.size]), zeros([outputs])),
  };
}

function biasOf({ bias }: Linear): Tensor {
  return bias === null ? zeros([0]) : materialize(bias);
}
