import { byteLengthOf, isFloat } from '../../../dtype.ts';
import { type DotAttributes, dotOp } from '../../../ops/contraction/dot.ts';
import { sizeOf } from '../../../shape.ts';
import { elementsPerWord } from '../codegen/scalars.ts';
import type { Tiling } from '../emit/kernelText.ts';
import { dotSides } from './kernelPlan.ts';
import type { ProgramValues } from './programValues.ts';

/**
 * Rows of the other operand beyond which kernels that share nothing unpack each weight so often that a copy is
 * cheaper: on llvmpipe it is with 512 rows, by a seventh, and is not with 128.
 */
const manyRows = 128;

/**
 * Whether a value is made of packed whole numbers in less than half of its memory, and all that it is for are
 * contractions that unpack it as they go. A matrix times a vector needs each weight once, and waits for memory; a
 * group that shares a tile unpacks each weight once for up to 64 rows. Only kernels of single threads do it again for
 * each 8 rows.
 */
export function isUnpackedInPlace(
  value: number,
  weight: number,
  leaves: ReadonlySet<number>,
  values: ProgramValues,
  tiling: Tiling,
): boolean {
  const users = values.users[value] ?? [];
  if (users.length === 0 || values.program.outputs.includes(value)) return false;
  if (!isPacked(value, leaves, values)) return false;
  // Only unpacked: a copy would take more to read than that.
  if (weight <= 1) return true;
  return users.every((user) => {
    const made = values.instruction(user);
    if (made?.op !== dotOp) return false;
    const [a = -1, b = -1] = made.inputs;
    if (a === b) return false;
    if (tiling === 'workgroup') return true;
    const { rows, columns } = dotSides(
      values.type(a),
      values.type(b),
      made.attributes as DotAttributes,
    );
    return (a === value ? columns : rows) <= manyRows;
  });
}

function isPacked(value: number, leaves: ReadonlySet<number>, values: ProgramValues): boolean {
  const bytesOf = (leaf: number): number => {
    const { dtype, shape } = values.memoryType(leaf);
    return byteLengthOf(dtype, sizeOf(shape));
  };
  let bytes = 0;
  let hasNumbers = false;
  for (const leaf of leaves) {
    const { dtype } = values.memoryType(leaf);
    hasNumbers ||= elementsPerWord(dtype) > 1 && !isFloat(dtype) && dtype !== 'bool';
    bytes += bytesOf(leaf);
  }
  return hasNumbers && 2 * bytes <= bytesOf(value);
}
