import {
  any,
  cast,
  dot,
  equal,
  gather,
  normal,
  scatter,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import { parameterOf } from '../parameterOf.ts';
import type { TargetOptions } from '../target.ts';
import { type Method, method, peftField, type Variant } from '../variant.ts';

export interface TrainableTokensConfig {
  /** Numbers of the tokens whose rows train. */
  readonly tokenIndices: readonly number[];
  /** Starts as the base; else the rows are random. */
  readonly initWeights: boolean;
}

export type TrainableTokensOptions = Partial<TrainableTokensConfig> & TargetOptions;

const indices = z
  .array(z.int().min(0))
  .min(1)
  .refine((list) => new Set(list).size === list.length, { message: 'names a token twice' });

export const trainableTokensVariant: Variant<TrainableTokensConfig> = {
  name: 'trainableTokens',
  paper: 'Hugging Face PEFT, https://huggingface.co/docs/peft/package_reference/trainable_tokens',
  schema: z.strictObject({
    tokenIndices: peftField(indices, 'token_indices'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  kinds: ['embedding'],
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    maxRank: ({ tokenIndices }) => tokenIndices.length,
    isRandomAtInit: ({ initWeights }) => !initWeights,
    isStochastic: () => false,
    parameterCount: ({ tokenIndices }, { out }) => tokenIndices.length * out,
    isTied: () => true,
  },
  sample: (draw) => ({
    tokenIndices: draw.pick([[0], [1], [1, 0], [0, 2], [3, 1, 0]]),
    initWeights: draw.boolean(),
  }),
  peft: {
    type: 'TRAINABLE_TOKENS',
    lacks: ['modules_to_save'],
    targetsInput: true,
    keys: () => ({ rows: 'trainable_tokens_delta' }),
    within: {
      key: 'trainable_token_indices',
      prefix: 'token_adapter.',
      encode: ({ tokenIndices }) => tokenIndices,
      decode: (tokenIndices) => ({ tokenIndices }),
    },
  },

  init({ shape: { out }, config: { tokenIndices, initWeights }, key, base }) {
    const tokens = tokensOf(tokenIndices);
    return { rows: initWeights ? gather(base(), tokens) : normal(key, [tokenIndices.length, out]) };
  },

  materialize: ({ base, config, parameters }) =>
    scatter(base(), tokensOf(config.tokenIndices), parameterOf(parameters, 'rows')),

  gather(ids, { product, config: { tokenIndices }, parameters }) {
    const rows = parameterOf(parameters, 'rows');
    const isToken = equal(ids.reshape([...ids.shape, 1]), tokensOf(tokenIndices)); // [...ids, N]
    const own = dot(cast(isToken, rows.dtype), rows, { contract: [[-1], [0]] }); // [...ids, D]
    return where(any(isToken, -1, { keepAxes: true }), own, product(ids));
  },

  // A head that is tied to the table.
  contract(x, { product, config: { tokenIndices }, parameters }) {
    const own = dot(x, parameterOf(parameters, 'rows'), { contract: [[-1], [1]] }); // [..., N]
    return scatter(product(x), tokensOf(tokenIndices), own, -1); // [..., V]
  },

  refusal({ tokenIndices }, { in: rows }) {
    const outside = tokenIndices.find((index) => index >= rows);
    return outside === undefined ? undefined : `there is no token ${outside} among ${rows}`;
  },
};

/** Trains the rows of some tokens in an embedding, and in the head that is tied to it. */
export function trainableTokens(options: TrainableTokensOptions): Method<TrainableTokensConfig> {
  return method(trainableTokensVariant, options);
}

/** i32[N] */
function tokensOf(indices: readonly number[]): Tensor {
  return tensor(indices, [indices.length], 'i32');
}
