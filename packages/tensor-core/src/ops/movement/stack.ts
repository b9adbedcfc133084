import { LorikeetError } from '../../errors.ts';
import { normalizeAxis, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { formatType } from '../../type.ts';
import { concat } from './concat.ts';
import { expandDims } from './expandDims.ts';

/**
 * The tensors side by side along a new axis, at the place `axis` of the result.
 *
 * @throws LorikeetError `shape-mismatch` where they differ in shape or dtype.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined)
    throw new LorikeetError('invalid-argument', 'stack: there is no tensor to join');
  const other = tensors.find(
    ({ shape, dtype }) => !sameShape(shape, first.shape) || dtype !== first.dtype,
  );
  if (other !== undefined) {
    throw new LorikeetError(
      'shape-mismatch',
      `stack: ${formatType(first.type)} and ${formatType(other.type)} do not lie side by side`,
      { expected: formatType(first.type), received: formatType(other.type) },
    );
  }
  const place = normalizeAxis('stack', axis, first.rank + 1);
  return concat(
    tensors.map((x) => expandDims(x, place)),
    place,
  );
}
