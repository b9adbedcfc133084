import { z } from 'zod';
import { type BertConfig, bertFields, withWholeHeads } from '../bert/config.ts';

/** The fields of an ALBERT `config.json`: those of BERT, and how layers are shared. */
export type AlbertConfig = BertConfig & {
  /** Width of words. */
  readonly embedding_size: number;
  /** Layers that differ: each is used for as many in a row. */
  readonly num_hidden_groups: number;
  /** Blocks within such a layer. */
  readonly inner_group_num: number;
  readonly classifier_dropout_prob: number;
};

const count = z.int().positive();
const rate = z.number().min(0).lt(1);

export const albertSchema: z.ZodType<AlbertConfig> = withWholeHeads(
  z.looseObject({
    ...bertFields({
      vocab_size: 30000,
      max_position_embeddings: 512,
      type_vocab_size: 2,
      layer_norm_eps: 1e-12,
      pad_token_id: 0,
    }),
    embedding_size: count.default(128),
    hidden_size: count.default(4096),
    num_attention_heads: count.default(64),
    intermediate_size: count.default(16384),
    num_hidden_groups: count.default(1),
    inner_group_num: count.default(1),
    hidden_act: z.string().default('gelu_new'),
    hidden_dropout_prob: rate.default(0),
    attention_probs_dropout_prob: rate.default(0),
    classifier_dropout_prob: rate.default(0.1),
  }),
);
