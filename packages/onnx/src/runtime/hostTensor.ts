import {
  bf16ToNumber,
  type DType,
  numberToBf16,
  type TensorType,
  type TypedArray,
} from '@lorikeet/tensor-core';
import type { Tensor, TypedTensor } from 'onnxruntime-common';
import { boundaryOf } from '../boundary.ts';
import type { ElementType } from '../proto/elementType.ts';
import type { OnnxRuntime } from './runtime.ts';

const tensorTypes: Readonly<Partial<Record<ElementType, Tensor.Type>>> = {
  float: 'float32',
  float16: 'float16',
  int32: 'int32',
  uint32: 'uint32',
  int8: 'int8',
  uint8: 'uint8',
  bool: 'bool',
  double: 'float64',
};

/** The elements of a tensor as ONNX Runtime takes them. They are not copied, but for bf16, which has no form there. */
export function toRuntime(
  runtime: OnnxRuntime,
  type: TensorType,
  data: TypedArray,
): TypedTensor<Tensor.Type> {
  const { elementType, dims } = boundaryOf(type);
  return new runtime.Tensor(tensorTypes[elementType] ?? 'float32', viewOf(type.dtype, data), dims);
}

/** Puts what ONNX Runtime wrote where `toRuntime` made a copy into the storage. */
export function fromRuntime(type: TensorType, written: Tensor, data: TypedArray): void {
  if (type.dtype !== 'bf16') return;
  const numbers = written.data;
  if (numbers instanceof Float32Array)
    for (let i = 0; i < numbers.length; i++) data[i] = numberToBf16(numbers[i] as number);
}

function viewOf(dtype: DType, data: TypedArray): Tensor.DataType {
  if (dtype === 'bf16') return Float32Array.from(data, bf16ToNumber);
  if (dtype !== 'f16') return data as Tensor.DataType;
  // Where JavaScript has halves, ONNX Runtime wants them.
  const Half = (
    globalThis as {
      Float16Array?: new (
        buffer: ArrayBufferLike,
        offset: number,
        length: number,
      ) => Tensor.DataType;
    }
  ).Float16Array;
  return Half === undefined
    ? (data as Tensor.DataType)
    : new Half(data.buffer, data.byteOffset, data.length);
}
