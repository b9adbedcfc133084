import { at, Context, isOpenAttention, mergeHeads, type OpenAttention } from '@lorikeet/nn';
import {
  add,
  attention,
  LorikeetError,
  mul,
  normal,
  sub,
  Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { modelPaths } from '../rewrite.ts';
import { endsInName } from '../target.ts';
import { peftField } from '../variant.ts';

export interface AdaptionPromptConfig {
  /** How many vectors each attention gets to look at. */
  readonly length: number;
  /** `peft`: a bias of the output projection is added a second time, so that the start is not the base. */
  readonly compat: 'peft' | null;
}

export type AdaptionPromptOptions = Partial<AdaptionPromptConfig>;

interface AdaptionParameters {
  /** [1, P, D] */
  readonly prompt: Tensor;
  /** [1] */
  readonly gate: Tensor;
}

export const adaptionPromptVariant: ModuleVariant<AdaptionPromptConfig, AdaptionParameters> = {
  name: 'adaptionPrompt',
  paper: 'Zhang et al. 2023, https://arxiv.org/abs/2303.16199',
  site: 'attention',
  schema: z.strictObject({
    length: peftField(z.int().positive(), 'adapter_len'),
    compat: peftField(z.literal('peft').nullable().default(null), 'lorikeet_compat'),
  }),
  traits: {
    identityAtInit: ({ compat }) => compat === null,
    isStochastic: () => false,
    parameterCount: ({ length }, module) => length * attentionOf(module).attentionSite.width + 1,
  },
  sample: (draw) => ({ length: draw.integer(1, 3), compat: draw.pick([null, 'peft'] as const) }),
  peft: {
    type: 'ADAPTION_PROMPT',
    prefix: 'base_model.model.',
    isInModule: true,
    lacks: ['modules_to_save'],
    ownKeys: ['lorikeet_compat'],
    derivedKeys: ['adapter_layers'],
    targets: (_, { target_modules, adapter_layers }, model) => {
      const found = modelPaths(model).modules.filter(
        (path) =>
          isOpenAttention(at(model, path)) &&
          (typeof target_modules !== 'string' || endsInName(path, target_modules)),
      );
      return typeof adapter_layers === 'number'
        ? found.slice(Math.max(found.length - adapter_layers, 0))
        : found;
    },
    derived: (_, places) => ({
      adapter_layers: places.length,
      target_modules: places[0]?.path.split('.').at(-1) ?? null,
    }),
    stored: ({ module, config: { length } }) => ({
      prompt: zeros([1, length, attentionOf(module).attentionSite.width]),
      gate: zeros([1]),
    }),
    encode: ({ prompt, gate }) => ({ adaption_prompt: prompt, adaption_gate: gate }),
    paths: { adaption_prompt: 'prompt', adaption_gate: 'gate' },
  },
  accepts: isOpenAttention,
  init: ({ module, config: { length }, key }) => ({
    prompt: normal(key, [1, length, attentionOf(module).attentionSite.width]),
    gate: zeros([1]),
  }),

  call({ module, inputs, config: { compat }, parameters: { prompt, gate }, base }) {
    const own = attentionOf(module);
    const output = tensorOf(base(...inputs)); // [B, T, D]
    const queries = tensorOf(Reflect.apply(own.queries, own, inputs)); // [B, H, T, K]
    const [batch = 0] = queries.shape;
    // The parts of the module, in its own context.
    const { key, value } = own.keyValues(prompt, contextOf(inputs)); // [1, G, P, K]
    const [, groups = 0, length = 0, size = 0] = key.shape;
    const all = (tensor: Tensor): Tensor => tensor.broadcastTo([batch, groups, length, size]);
    const seen = mergeHeads(attention(queries, all(key), all(value))); // [B, T, H * K]
    const project = (attended: Tensor): Tensor => own.project(attended, contextOf(inputs));
    // What is attended to is added before it is projected: a bias is there once. PEFT adds it twice.
    const change = project(mul(seen, gate));
    if (compat === 'peft') return add(output, change);
    return add(output, sub(change, project(mul(seen, 0))));
  },
};

/** LLaMA-Adapter: learned vectors that the last layers' attentions look at besides, through a gate that is closed at first. */
export function adaptionPrompt(options: AdaptionPromptOptions): ModuleMethod<AdaptionPromptConfig> {
  return moduleMethod(adaptionPromptVariant, options);
}

function attentionOf(module: object): OpenAttention {
  if (isOpenAttention(module)) return module;
  throw new LorikeetError('internal', 'an adaption prompt needs an attention');
}

function tensorOf(value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new LorikeetError('internal', 'an attention gives a tensor');
}

function contextOf(inputs: readonly unknown[]): Context {
  const last = inputs.at(-1);
  return last instanceof Context ? last : Context.evaluation;
}
