import {
  type AdaptSpec,
  adaptionPrompt,
  cartridge,
  lily,
  lnTuning,
  poly,
  prefixTuning,
  promptTuning,
  pTuning,
  shadow,
  train,
  trainableTokens,
} from '@lorikeet/peft-lora';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { BenchmarkModel } from './sizes.ts';
import { methodNamed, variantNames } from './variants.ts';

/** A method, where it goes in a model, and what PEFT is told of it. */
export interface StepMethod {
  readonly spec: AdaptSpec;
  /** PEFT takes virtual tokens and tasks of rows only where it knows what a model is for, and trains its head besides. */
  readonly taskType?: string;
  /** How many tasks there are, if each row has one. */
  readonly tasks?: number;
}

/** Where things are in a model of a type. */
interface Family {
  readonly norms: string;
  readonly embedding: string;
  /** What is trained besides where the task is known. */
  readonly head?: string;
  /** As PEFT names it. */
  readonly taskType: string;
}

const families: Readonly<Record<string, Family>> = {
  bert: {
    norms: '**.LayerNorm',
    embedding: '**.word_embeddings',
    head: 'classifier',
    taskType: 'SEQ_CLS',
  },
  gpt2: { norms: '**.{ln_1,ln_2,ln_f}', embedding: '**.wte', taskType: 'CAUSAL_LM' },
  llama: {
    norms: '**.{input_layernorm,post_attention_layernorm}',
    embedding: '**.embed_tokens',
    taskType: 'CAUSAL_LM',
  },
};

interface Request {
  readonly family: Family;
  readonly rank: number;
  /** Where LoRA goes. */
  readonly targets: string;
}

const virtualTokens = 20;
const tasks = 4;
const tokenIndices = Array.from({ length: 64 }, (_, i) => i);

/** Methods that go elsewhere than LoRA. */
const elsewhere: Readonly<Record<string, (request: Request) => StepMethod>> = {
  lily: ({ targets, rank }) => ({ spec: { [targets]: lily({ rank }) } }),
  poly: ({ family, targets, rank }) => ({
    ...withHead(family, { [targets]: poly({ rank, tasks }) }),
    tasks,
  }),
  lnTuning: ({ family: { norms } }) => ({ spec: { [norms]: lnTuning() } }),
  trainableTokens: ({ family: { embedding } }) => ({
    spec: { [embedding]: trainableTokens({ tokenIndices }) },
  }),
  promptTuning: ({ family }) => withHead(family, { '': promptTuning({ virtualTokens }) }),
  pTuning: ({ family }) => withHead(family, { '': pTuning({ virtualTokens }) }),
  prefixTuning: ({ family }) => withHead(family, { '': prefixTuning({ virtualTokens }) }),
  cartridge: ({ family }) => withHead(family, { '': cartridge({ virtualTokens }) }),
  shadow: ({ family }) => withHead(family, { '': shadow() }),
  adaptionPrompt: ({ family }) =>
    withHead(family, { '**.self_attn': adaptionPrompt({ length: 10 }) }),
};

/** All methods whose steps can be measured beside PEFT's. */
export const stepMethodNames: readonly string[] = [...variantNames, ...Object.keys(elsewhere)];

/** The method of that name in a model: PEFT's defaults, but for the rank where it has one. */
export function stepMethod(
  name: string,
  { config, targets }: BenchmarkModel,
  rank: number,
): StepMethod {
  const make = elsewhere[name];
  if (make === undefined) return { spec: { [targets]: methodNamed(name, rank) } };
  const family = families[String(config.model_type)];
  if (family !== undefined) return make({ family, rank, targets });
  throw new LorikeetError('internal', `no places are known in a ${config.model_type} model`);
}

function withHead({ head, taskType }: Family, spec: AdaptSpec): StepMethod {
  return { spec: { ...spec, ...(head === undefined ? {} : { [head]: train() }) }, taskType };
}
