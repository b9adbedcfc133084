import type { Tensor } from '@lorikeet/tensor-core';
import { findArchitecture } from './findFamily.ts';
import type { Model } from './model.ts';

/**
 * A new model with random weights from `key`, as a `config.json` describes it. Nothing is computed yet.
 *
 * @throws LorikeetError `invalid-config`, `unsupported`.
 */
export function initModel(config: unknown, key: Tensor): Model {
  const { architecture, config: complete } = findArchitecture(config);
  return architecture.init(complete, key);
}
