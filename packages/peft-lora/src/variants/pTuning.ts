import { takesVectors } from '@lorikeet/nn';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { addPrompt } from '../prompts/addPrompt.ts';
import { LstmPromptEncoder, MlpPromptEncoder } from '../prompts/encoders.ts';
import { modelOf } from '../prompts/promptInputs.ts';
import {
  type PromptParameters,
  promptFormat,
  promptOf,
  storedTokens,
  virtualTokensOf,
} from '../prompts/promptParameters.ts';
import { peftField } from '../variant.ts';

export interface PTuningConfig {
  readonly virtualTokens: number;
  /** What makes the virtual tokens: three linear layers, or an LSTM that reads both ways and two. */
  readonly encoder: 'MLP' | 'LSTM';
  /** Width within the encoder; `null` is that of the model. */
  readonly hiddenSize: number | null;
  /** Layers of the LSTM. */
  readonly layers: number;
  /** Probability with which an element is dropped between the layers of the LSTM in training. */
  readonly dropout: number;
}

export type PTuningOptions = Partial<PTuningConfig>;

export const pTuningVariant: ModuleVariant<PTuningConfig, PromptParameters> = {
  name: 'pTuning',
  paper: 'Liu et al. 2021, https://arxiv.org/abs/2103.10385',
  site: 'input',
  schema: z.strictObject({
    virtualTokens: peftField(z.int().positive(), 'num_virtual_tokens'),
    encoder: peftField(z.enum(['MLP', 'LSTM']).default('MLP'), 'encoder_reparameterization_type'),
    hiddenSize: peftField(z.int().positive().nullable().default(null), 'encoder_hidden_size'),
    layers: peftField(z.int().positive().default(2), 'encoder_num_layers'),
    dropout: peftField(z.number().min(0).lt(1).default(0), 'encoder_dropout'),
  }),
  traits: {
    identityAtInit: () => false,
    isStochastic: ({ encoder, layers, dropout }) => encoder === 'LSTM' && layers > 1 && dropout > 0,
    parameterCount: (config, module) => {
      const { width } = modelOf(module).inputSite;
      const hidden = config.hiddenSize ?? width;
      const table = storedTokens(module, config) * width;
      if (config.encoder === 'MLP')
        return table + hidden * (width + 1) + hidden * (hidden + 1) + width * (hidden + 1);
      const reader = (inputs: number): number => 8 * hidden * (inputs + hidden + 2);
      const readers = reader(width) + (config.layers - 1) * reader(2 * hidden);
      return table + readers + 2 * hidden * (2 * hidden + 1) + width * (2 * hidden + 1);
    },
  },
  sample: (draw) => ({
    // With one token nothing passes from one state of the LSTM to the next.
    virtualTokens: draw.integer(2, 3),
    encoder: draw.pick(['MLP', 'LSTM'] as const),
    hiddenSize: draw.pick([null, 3, 5]),
    layers: draw.integer(1, 2),
    dropout: draw.pick([0, 0.5]),
  }),
  peft: promptFormat('P_TUNING', false, virtualTokensOf),
  accepts: takesVectors,
  init({ module, config, key }) {
    const { width } = modelOf(module).inputSite;
    const tokens = storedTokens(module, config);
    const { hiddenSize, encoder, layers, dropout } = config;
    const hidden = hiddenSize ?? width;
    if (encoder === 'MLP') return { encoder: MlpPromptEncoder.init(tokens, width, hidden, key) };
    const sizes = { input: width, hidden, layers };
    return { encoder: LstmPromptEncoder.init(tokens, sizes, dropout, key) };
  },
  call: ({ module, inputs, parameters, context, base }) =>
    base(addPrompt(module, inputs, promptOf(parameters, context), context), ...inputs.slice(1)),
};

/**
 * P-tuning: vectors before those of the tokens, which an encoder makes in training; a file holds its result. Put it on the
 * model itself, `''`.
 */
export function pTuning(options: PTuningOptions): ModuleMethod<PTuningConfig> {
  return moduleMethod(pTuningVariant, options);
}
