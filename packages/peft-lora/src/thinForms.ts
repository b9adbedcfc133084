import { add, dot, type Tensor } from '@lorikeet/tensor-core';
import type { AdapterArguments, Variant } from './variant.ts';

/** Of the update `B A`, with all scales worked in. */
export interface ThinFactors {
  /** [R, in] */
  readonly A: Tensor;
  /** [out, R] */
  readonly B: Tensor;
}

/**
 * The forms of a method for linear layers that adds a product of two thin factors to the weight.
 *
 * @param dropoutOf probability with which an element of the input of the update is dropped in training.
 */
export function thinForms<Config>(
  factorsOf: (args: Omit<AdapterArguments<Config>, 'base'>) => ThinFactors,
  dropoutOf: (config: Config) => number,
): Required<Pick<Variant<Config>, 'materialize' | 'contract' | 'lowRank'>> {
  return {
    materialize(args) {
      const { A, B } = factorsOf(args);
      return add(args.base(), dot(B, A, { contract: [[1], [0]] })); // [out, in]
    },
    contract(x, args) {
      const { A, B } = factorsOf(args);
      const input = args.context.dropout(x, dropoutOf(args.config));
      const low = dot(input, A, { contract: [[-1], [1]] }); // [..., R]
      return add(args.product(x), dot(low, B, { contract: [[-1], [1]] })); // [..., out]
    },
    lowRank(args) {
      const { A: right, B: left } = factorsOf(args);
      return { left, right, scale: 1 };
    },
  };
}
