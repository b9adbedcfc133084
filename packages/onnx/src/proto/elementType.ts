import type { DType } from '@lorikeet/tensor-core';

/** The codes of `TensorProto.DataType`. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

export type ElementType = keyof typeof elementTypes;

/** How a dtype is stored in a file: bit for bit as its storage here. */
export const storedAs: Readonly<Record<DType, ElementType>> = {
  f64: 'double',
  f32: 'float',
  f16: 'float16',
  bf16: 'bfloat16',
  i32: 'int32',
  u32: 'uint32',
  i8: 'int8',
  u8: 'uint8',
  i4: 'int4',
  u4: 'uint4',
  bool: 'bool',
};
