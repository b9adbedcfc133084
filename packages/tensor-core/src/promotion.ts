import type { DType } from './dtype.ts';

/**
 * What two dtypes become in arithmetic: the least that holds the values of both. Integers take the float that
 * they meet, as in JAX. Where neither holds the other and there is no wider one to meet in (f16 and bf16, u32
 * and a signed integer), it is f32. Row and column are in the order of the rows.
 */
const table: Readonly<Record<DType, string>> = {
  bool: 'bool u4   i4   u8   i8   u32  i32  bf16 f16  f32 f64',
  u4: '  u4   u4   i8   u8   i8   u32  i32  bf16 f16  f32 f64',
  i4: '  i4   i8   i4   i32  i8   f32  i32  bf16 f16  f32 f64',
  u8: '  u8   u8   i32  u8   i32  u32  i32  bf16 f16  f32 f64',
  i8: '  i8   i8   i8   i32  i8   f32  i32  bf16 f16  f32 f64',
  u32: ' u32  u32  f32  u32  f32  u32  f32  bf16 f16  f32 f64',
  i32: ' i32  i32  i32  i32  i32  f32  i32  bf16 f16  f32 f64',
  bf16: 'bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 f32  f32 f64',
  f16: ' f16  f16  f16  f16  f16  f16  f16  f32  f16  f32 f64',
  f32: ' f32  f32  f32  f32  f32  f32  f32  f32  f32  f32 f64',
  f64: ' f64  f64  f64  f64  f64  f64  f64  f64  f64  f64 f64',
};

const columns = Object.keys(table);
const rows = new Map(
  columns.map((name) => [name, table[name as DType].trim().split(/ +/) as DType[]]),
);

/** The dtype of the result when tensors of dtypes `a` and `b` meet in arithmetic. */
export function promote(a: DType, b: DType): DType {
  return rows.get(a)?.[columns.indexOf(b)] ?? a;
}
