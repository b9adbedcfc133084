import { paths } from '@lorikeet/nn';
import type { Tensor } from '@lorikeet/tensor-core';
import { findArchitecture } from './findFamily.ts';
import type { Allowances } from './requireFit.ts';

/**
 * What may be missing and left over when a checkpoint gets another head than the one that its config names: what one head has and
 * the other has not, and no more.
 *
 * @param config the parsed `config.json` of the checkpoint, with the fields that were asked for.
 * @param wanted paths of the model with the new head.
 */
export function allowancesOfNewHead(
  config: unknown,
  wanted: Iterable<string>,
  key: Tensor,
): Required<Allowances> {
  const own = findArchitecture(config);
  const had = new Set(paths(own.architecture.init(own.config, key)).map(([name]) => name));
  const kept = new Set(wanted);
  return {
    allowMissing: [...kept].filter((name) => !had.has(name)),
    allowUnexpected: [...had].filter((name) => !kept.has(name)),
  };
}
