import {
  LorikeetError,
  type Primitive,
  record,
  type Shape,
  type Tensor,
} from '@lorikeet/tensor-core';

type UnknownAttributes = { readonly shape: Shape };

/** Refuses to be computed, so that whatever depends on it tells so. */
const unknownWeightOp: Primitive<UnknownAttributes> = {
  kind: 'primitive',
  name: 'unknownWeight',
  infer: (_, { shape }) => ({ shape, dtype: 'f32' }),
  evaluate() {
    throw needsBase('what the adapter does depends on the weights of its base model');
  },
  derivative: () => [],
  batch: 'loop',
  sample: (draw) => ({ inputs: [], attributes: { shape: draw.shape() } }),
};

/** A weight of a model that is not there: it has a shape and no values. */
export function unknownWeight(shape: Shape): Tensor {
  return record(unknownWeightOp, [], { shape });
}

export function needsBase(summary: string, received?: string): LorikeetError {
  return new LorikeetError('unsupported', summary, {
    received,
    hint: 'load the adapter on its base model',
  });
}

/** The refusal of files that do not tell the sizes of weights. */
export function unreadable(method: string): LorikeetError {
  return needsBase(`the files of ${method} do not tell the sizes of the weights that it adapts`);
}
