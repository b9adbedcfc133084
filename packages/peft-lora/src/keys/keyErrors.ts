import { LorikeetError } from '@lorikeet/tensor-core';

/** The refusal of what a key style cannot say. */
export function noPlaceFor(style: string, path: string, hint?: string): LorikeetError {
  return new LorikeetError('unsupported', `the keys of ${style} have no place for this`, {
    path,
    hint,
  });
}

/** The refusal of a file whose keys are of no known style. */
export function unknownKey(style: string, path: string, expected: string): LorikeetError {
  return new LorikeetError('unexpected-tensor', `no key of ${style}`, { path, expected });
}
