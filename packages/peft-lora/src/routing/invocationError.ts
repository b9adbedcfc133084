import { LorikeetError } from '@lorikeet/tensor-core';

/** For `what` is not told which tokens there are, in a model with an adapter that acts from some on. */
export function invocationError(name: string, path: string, what: string): LorikeetError {
  return new LorikeetError(
    'unsupported',
    `the adapter '${name}' acts from its invocation tokens on, which ${what} cannot heed`,
    { path, hint: 'invokeAdapters(model, ids) gives the model for a batch' },
  );
}
