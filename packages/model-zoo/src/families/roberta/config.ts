import type { z } from 'zod';
import { type BertConfig, bertSchemaWith } from '../bert/config.ts';

/** The fields of a RoBERTa `config.json`: those of BERT with other defaults. */
export type RobertaConfig = BertConfig;

export const robertaSchema: z.ZodType<RobertaConfig> = bertSchemaWith({
  vocab_size: 50265,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 1,
});
