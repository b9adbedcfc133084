import { takesVectors } from '@lorikeet/nn';
import {
  dot,
  foldIn,
  gather,
  LorikeetError,
  mul,
  normal,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { addPrompt } from '../prompts/addPrompt.ts';
import { modelOf, promptInputsOf } from '../prompts/promptInputs.ts';
import { promptFormat, virtualTokensOf } from '../prompts/promptParameters.ts';
import { peftField } from '../variant.ts';

export interface MultitaskPromptTuningConfig {
  readonly virtualTokens: number;
  readonly tasks: number;
  /** Rank R of what tells a task's tokens from the shared ones. */
  readonly ranks: number;
}

export type MultitaskPromptTuningOptions = Partial<MultitaskPromptTuningConfig>;

/** P tokens, N tasks. */
interface MultitaskParameters {
  /** [P, D] */
  readonly embeddings: Tensor;
  /** [N, P, R] */
  readonly columns: Tensor;
  /** [N, R, D] */
  readonly rows: Tensor;
}

export const multitaskPromptTuningVariant: ModuleVariant<
  MultitaskPromptTuningConfig,
  MultitaskParameters
> = {
  name: 'multitaskPromptTuning',
  paper: 'Wang et al. 2023, https://arxiv.org/abs/2303.02861',
  site: 'input',
  schema: z.strictObject({
    virtualTokens: peftField(z.int().positive(), 'num_virtual_tokens'),
    tasks: peftField(z.int().positive().default(1), 'num_tasks'),
    ranks: peftField(z.int().positive().default(1), 'num_ranks'),
  }),
  traits: {
    identityAtInit: () => false,
    isStochastic: () => false,
    parameterCount: ({ virtualTokens, tasks, ranks }, module) => {
      const { width } = modelOf(module).inputSite;
      return virtualTokens * width + tasks * ranks * (virtualTokens + width);
    },
  },
  sample: (draw) => ({
    virtualTokens: draw.integer(1, 3),
    tasks: draw.integer(2, 3),
    ranks: draw.integer(1, 2),
  }),
  peft: {
    ...promptFormat('MULTITASK_PROMPT_TUNING', false, virtualTokensOf),
    inactive: {
      prompt_tuning_init: 'RANDOM',
      prompt_tuning_init_state_dict_path: null,
      prompt_tuning_init_task: 0,
      prompt_tuning_init_text: null,
      tokenizer_kwargs: null,
      tokenizer_name_or_path: null,
    },
    // Of first values, which the file has.
    ignored: [
      'prompt_tuning_init',
      'prompt_tuning_init_state_dict_path',
      'prompt_tuning_init_task',
      'prompt_tuning_init_text',
      'tokenizer_kwargs',
      'tokenizer_name_or_path',
    ],
    stored: ({ module, config }) => shaped(module, config, (shape) => zeros(shape)),
    encode: ({ embeddings, columns, rows }) => ({
      prompt_embeddings: embeddings,
      prefix_task_cols: columns,
      prefix_task_rows: rows,
    }),
    paths: {
      prompt_embeddings: 'embeddings',
      prefix_task_cols: 'columns',
      prefix_task_rows: 'rows',
    },
  },
  accepts: takesVectors,
  refusal: (_, module) =>
    modelOf(module).inputSite.hasDecoder === true
      ? 'a model with an encoder and a decoder, of which PEFT prompts both, is not built'
      : undefined,
  init: ({ module, config, key }) =>
    shaped(module, config, (shape, name) =>
      normal(foldIn(key, name), shape, 0, name === 'embeddings' ? 1 : 0.02),
    ),
  call({ module, inputs, parameters, context, base }) {
    const { task_ids } = promptInputsOf(inputs);
    if (task_ids === undefined) {
      throw new LorikeetError(
        'invalid-argument',
        'a model with prompts for many tasks is called without task_ids',
        {
          expected: 'task_ids: [B] integers',
        },
      );
    }
    const [columns, rows] = [
      gather(parameters.columns, task_ids),
      gather(parameters.rows, task_ids),
    ];
    const own = dot(columns, rows, { contract: [[2], [1]], batch: [[0], [0]] }); // [B, P, D]
    const prompt = mul(parameters.embeddings, own);
    return base(addPrompt(module, inputs, prompt, context), ...inputs.slice(1));
  },
};

/**
 * Multitask prompt tuning: prompt tuning whose tokens are scaled, for each task, by a product of low rank. `task_ids` among
 * the inputs say which task each row is of. Put it on the model itself, `''`.
 */
export function multitaskPromptTuning(
  options: MultitaskPromptTuningOptions,
): ModuleMethod<MultitaskPromptTuningConfig> {
  return moduleMethod(multitaskPromptTuningVariant, options);
}

function shaped(
  module: object,
  { virtualTokens: length, tasks, ranks }: MultitaskPromptTuningConfig,
  make: (shape: number[], name: string) => Tensor,
): MultitaskParameters {
  const { width } = modelOf(module).inputSite;
  return {
    embeddings: make([length, width], 'embeddings'),
    columns: make([tasks, length, ranks], 'columns'),
    rows: make([tasks, ranks, width], 'rows'),
  };
}
