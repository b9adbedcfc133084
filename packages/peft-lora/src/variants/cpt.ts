import { at, Embedding, materialize, takesVectors } from '@lorikeet/nn';
import {
  add,
  cast,
  concat,
  full,
  gather,
  greater,
  mul,
  normal,
  sqrt,
  sum,
  type Tensor,
  tensor,
  where,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { addPrompt } from '../prompts/addPrompt.ts';
import { decayedLoss, isLabel } from '../prompts/decayedLoss.ts';
import { modelOf, promptInputsOf } from '../prompts/promptInputs.ts';
import { promptFormat } from '../prompts/promptParameters.ts';
import { peftField, type Tensors } from '../variant.ts';

export interface CptConfig {
  /** Tokens of examples with their labels, the context: their vectors are the first values. */
  readonly tokenIds: readonly number[];
  /**
   * What each of them is: 4i + 1 for a template around the input of example i from 0, 4i + 2 for the input itself, 4i + 3 for
   * a template around the label, 4i + 4 for the label, 0 for none of these. `null` is 1 for all.
   */
  readonly tokenTypes: readonly number[] | null;
  /** `decay`: labels of earlier examples count less. */
  readonly weightedLoss: 'none' | 'decay';
  /** How often a label counts, against one of the next example. */
  readonly lossDecayFactor: number;
  /** How far vectors of inputs may move, times the square root of D / 2048. */
  readonly projectionEpsilon: number;
  /** How far those of templates may, likewise. */
  readonly projectionFormatEpsilon: number;
  /** `peft`: labels of the batch get lost if the last type of the context is no multiple of 4. */
  readonly compat: 'peft' | null;
}

export type CptOptions = Partial<CptConfig>;

interface CptParameters {
  /** [P, D] */
  readonly delta: Tensor;
}

const format = promptFormat('CPT', false, ({ tokenIds }: CptConfig) => tokenIds.length);
const ids = z.array(z.int().min(0));

export const cptVariant: ModuleVariant<CptConfig, CptParameters> = {
  name: 'cpt',
  paper: 'Blau et al. 2024, https://arxiv.org/abs/2410.17222',
  site: 'input',
  schema: z
    .strictObject({
      tokenIds: peftField(ids.min(1).default([0]), 'cpt_token_ids'),
      tokenTypes: peftField(ids.nullable().default(null), 'cpt_tokens_type_mask'),
      weightedLoss: peftField(z.enum(['none', 'decay']).default('none'), 'opt_weighted_loss_type'),
      lossDecayFactor: peftField(z.number().default(1), 'opt_loss_decay_factor'),
      projectionEpsilon: peftField(z.number().positive().default(0.1), 'opt_projection_epsilon'),
      projectionFormatEpsilon: peftField(
        z.number().positive().default(0.1),
        'opt_projection_format_epsilon',
      ),
      compat: peftField(z.literal('peft').nullable().default(null), 'lorikeet_compat'),
    })
    .refine(({ tokenIds, tokenTypes }) => (tokenTypes ?? tokenIds).length === tokenIds.length, {
      error: 'one type for each of tokenIds',
      path: ['tokenTypes'],
    }),
  traits: {
    identityAtInit: () => false,
    isStochastic: () => false,
    parameterCount: ({ tokenIds }, module) => tokenIds.length * modelOf(module).inputSite.width,
  },
  sample: (draw) => {
    // Of one length, so that fields of two samples go together.
    const drawn = (length: number, most: number): number[] =>
      Array.from({ length }, () => draw.integer(0, most));
    // A token that moves, and a label.
    const types = [draw.integer(1, 3), 4, ...drawn(2, 8)];
    return {
      tokenIds: drawn(4, 5),
      tokenTypes: draw.pick([null, types, types]),
      weightedLoss: draw.pick(['none', 'decay', 'decay'] as const),
      lossDecayFactor: draw.pick([0.5, 0.7, 0.9]),
      projectionEpsilon: draw.pick([0.5, 2]),
      projectionFormatEpsilon: draw.pick([0.4, 3]),
      compat: draw.pick([null, 'peft'] as const),
    };
  },
  peft: {
    ...format,
    // PEFT keeps `cpt_mask` and does not look at it.
    inactive: { cpt_mask: null, tokenizer_name_or_path: null },
    ignored: ['cpt_mask', 'tokenizer_name_or_path'],
    ownKeys: ['lorikeet_compat'],
    derived: (config, places, model) => ({
      ...format.derived(config, places, model),
      num_virtual_tokens: config.tokenIds.length,
    }),
    derivedKeys: [...format.derivedKeys, 'num_virtual_tokens'],
    stored: ({ module, config: { tokenIds } }) => ({
      delta: zeros([tokenIds.length, modelOf(module).inputSite.width]),
    }),
    encode: ({ delta }, config, _, frozen) => ({
      prompt_embeddings: promptOf(delta, frozen, config),
    }),
    paths: { prompt_embeddings: 'delta' },
  },
  accepts: takesVectors,
  refusal(_, module) {
    const { hasDecoder, labels } = modelOf(module).inputSite;
    return hasDecoder === true || labels !== 'tokens'
      ? 'examples are told from what goes on with them by a causal language model alone'
      : undefined;
  },
  init: ({ module, config: { tokenIds }, key }) => {
    const { embedding, width } = modelOf(module).inputSite;
    const words = at(module, embedding);
    return {
      delta:
        words instanceof Embedding
          ? gather(materialize(words.weight), tensor(tokenIds, [tokenIds.length], 'i32'))
          : normal(key, [tokenIds.length, width]),
    };
  },
  // Vectors move from where they were at first, or when a file was written, as in PEFT.
  split: ({ delta }) => ({
    parameters: { delta: zeros(delta.shape, delta.dtype) },
    frozen: { embeddings: delta },
  }),
  constrain: ({ delta }, config) => ({ delta: withinBalls(delta, config) }),
  call({ module, inputs, parameters: { delta }, frozen, config, context, base }) {
    const { input_type_mask, labels, ...others } = promptInputsOf(inputs);
    const prompt = promptOf(delta, frozen, config);
    const given = addPrompt(module, [others], prompt, context);
    if (labels === undefined) return base(given, ...inputs.slice(1));
    const types = typesOf(labels, input_type_mask, config);
    const before = rowsOf(config.tokenIds, labels);
    const told = where(isLabel(types), concat([before, labels], 1), -100);
    const outputs = base({ ...given, labels: told }, ...inputs.slice(1));
    if (config.weightedLoss === 'none') return outputs;
    const { logits } = Object(outputs);
    return { ...Object(outputs), loss: decayedLoss(logits, told, types, config.lossDecayFactor) };
  },
};

/**
 * Context-aware prompt tuning: examples before the tokens, whose vectors move within balls around those of their tokens, but
 * not those of labels, and whose labels are learned from too. Put it on a causal model itself, `''`, and train with
 * `adapterOptimizer`, which holds the vectors in their balls. `input_type_mask`, [B, T], among the inputs has types as `tokenTypes`
 * has them, from 1 to 4 for the one example there; all are labels without it.
 */
export function cpt(options: CptOptions): ModuleMethod<CptConfig> {
  return moduleMethod(cptVariant, options);
}

function typesIn({ tokenIds, tokenTypes }: CptConfig): readonly number[] {
  return tokenTypes ?? tokenIds.map(() => 1);
}

/** The vectors before the tokens: [P, D]. Those that may not move are kept where they are. */
function promptOf(delta: Tensor, { embeddings }: Tensors, config: CptConfig): Tensor {
  if (embeddings === undefined) return delta; // the form of a file
  const moves = typesIn(config).map((type) => (type % 4 === 0 ? 0 : 1));
  const moved = mul(withinBalls(delta, config), tensor(moves, [moves.length, 1], delta.dtype));
  return add(cast(embeddings, delta.dtype), moved);
}

/** Changes that are too long, cut to the length that their tokens may move. */
function withinBalls(delta: Tensor, config: CptConfig): Tensor {
  const [length = 0, width = 0] = delta.shape;
  const { projectionEpsilon, projectionFormatEpsilon } = config;
  const epsilons = typesIn(config).map(
    (type) =>
      (type % 4 === 2 ? projectionEpsilon : projectionFormatEpsilon) * Math.sqrt(width / 2048),
  );
  const radius = tensor(epsilons, [length, 1], delta.dtype);
  const squares = sum(mul(delta, delta), 1, { keepAxes: true });
  // What was cut before is inside though it is rounded, so that the derivative is the same again.
  const isOutside = greater(squares, mul(mul(radius, radius), 1 + 2e-6));
  const scale = radius.div(sqrt(where(isOutside, squares, 1)));
  return mul(delta, where(isOutside, scale, 1));
}

/** [B, P + T]: the types of the context, and those of the batch, which is the example after it. */
function typesOf(labels: Tensor, given: Tensor | undefined, config: CptConfig): Tensor {
  const own = typesIn(config);
  const last = Math.max(...own);
  const start = config.compat === 'peft' ? last : 4 * Math.ceil(last / 4);
  const types = given === undefined ? full(labels.shape, 4, 'i32') : cast(given, 'i32');
  const shifted = where(greater(types, 0), add(types, start), types);
  return concat([rowsOf(own, shifted), shifted], 1);
}

/** The same numbers before each row of a batch. */
function rowsOf(values: readonly number[], { shape: [batch = 1], dtype }: Tensor): Tensor {
  return tensor(values, [1, values.length], dtype).broadcastTo([batch, values.length]);
}
