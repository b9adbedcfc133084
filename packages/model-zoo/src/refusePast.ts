import { LorikeetError } from '@lorikeet/tensor-core';
import type { ModelInputs } from './model.ts';

/** Throws `unsupported` for keys and values of positions before, which the attention of a family has no place for. */
export function refusePast({ past_key_values: past }: ModelInputs, family: string): void {
  if (past === undefined) return;
  throw new LorikeetError('unsupported', `${family} with keys and values of positions before`, {
    path: 'past_key_values',
    expected: 'none, as in transformers',
    received: `those of ${past.length} layers`,
    hint: 'prefix tuning does not fit this family; prompt tuning and adapters of weights do',
  });
}
