/**
 * The bytes of a view of a storage, its elements in row-major order.
 *
 * @param bytes from the view's first element on.
 * @param strides elements from one to the next along each axis.
 * @param size bytes of an element.
 */
export function stridedBytes(
  bytes: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  size: number,
): Uint8Array {
  const count = shape.reduce((product, side) => product * side, 1);
  const result = new Uint8Array(count * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    result.set(bytes.subarray(from * size, (from + 1) * size), to * size);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        from += stride;
        break;
      }
      from -= stride * (next - 1);
      index[axis] = 0;
    }
  }
  return result;
}

/** Whether a view is its storage's elements in order. */
export function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis] ?? 1;
    // The stride of an axis with one element is never used.
    if (side !== 1 && strides[axis] !== expected) return false;
    expected *= side;
  }
  return true;
}

/** Elements from the first of a view to its last, both counted; 0 if it has none. */
export function spanOf(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((span, side, axis) => span + (side - 1) * (strides[axis] ?? 0), 1);
}
