import { defineFamily, type ModelFamily } from '../../family.ts';
import { type DebertaV2Config, debertaV2Schema } from './config.ts';
import { initDebertaV2 } from './debertaV2Model.ts';
import { debertaArchitectures, debertaChoice } from './heads.ts';

/** He et al. 2021 and 2023, https://arxiv.org/abs/2006.03654, https://arxiv.org/abs/2111.09543 */
export const debertaV2: ModelFamily = defineFamily<DebertaV2Config>({
  modelType: 'deberta-v2',
  schema: debertaV2Schema,
  base: 'deberta',
  ignored: /(^|\.)(position_embeddings\.weight|embeddings\.position_ids)$/,
  architectures: {
    ...debertaArchitectures('DebertaV2', initDebertaV2),
    DebertaV2ForMultipleChoice: debertaChoice(initDebertaV2),
  },
});

export type { DebertaV2Config };
