import { foldIn, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { defineFamily, type ModelFamily } from '../../family.ts';
import { withWholeHeads } from '../bert/config.ts';
import { type DebertaConfig, debertaFields, maxDistance } from '../debertaV2/config.ts';
import { DebertaModel, normOfRows, relativeTable } from '../debertaV2/debertaV2Model.ts';
import { debertaArchitectures } from '../debertaV2/heads.ts';
import { DebertaSelfAttention } from './attention.ts';

function init(config: DebertaConfig, key: Tensor): DebertaModel {
  const span = maxDistance(config);
  return DebertaModel.init(
    config,
    {
      relEmbeddings: relativeTable(config, span, key),
      norm: normOfRows(config, String(config.norm_rel_ebd ?? 'none')),
      conv: null,
      distances: { span },
    },
    (own) => DebertaSelfAttention.init(config, foldIn(own, 'attention')),
    key,
  );
}

/** He et al. 2021, https://arxiv.org/abs/2006.03654 */
export const deberta: ModelFamily = defineFamily<DebertaConfig>({
  modelType: 'deberta',
  schema: withWholeHeads(z.looseObject(debertaFields)),
  base: 'deberta',
  ignored: /(^|\.)(position_embeddings\.weight|embeddings\.position_ids)$/,
  architectures: {
    ...debertaArchitectures('Deberta', init),
  },
});

export { type DebertaConfig, DebertaModel };
