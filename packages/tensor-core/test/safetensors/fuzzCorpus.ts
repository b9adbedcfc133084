import { isLorikeetError } from '@lorikeet/tensor-core';
import {
  encodeSafetensors,
  type SafetensorsFile,
  type TensorInMemory,
} from '@lorikeet/tensor-core/safetensors';
import { expect } from 'vitest';
import { fileByHand } from './byHand.ts';
import { type Dice, pick } from './mutate.ts';

const a: TensorInMemory = { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(1.5) };
const b: TensorInMemory = { dtype: 'F16', shape: [5], data: new Float32Array(5).fill(-2) };
const c: TensorInMemory = { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) };
const d: TensorInMemory = { dtype: 'BOOL', shape: [4, 0], data: new Uint8Array() };
const e: TensorInMemory = { dtype: 'U8', shape: [200], data: new Uint8Array(200).fill(1) };

export const one: Uint8Array = encodeSafetensors(Object.entries({ a, b, c, d }), [
  ['format', 'pt'],
]);
export const two: Uint8Array = encodeSafetensors(Object.entries({ 'x.weight': a, 'x.bias': e }));
export const three: Uint8Array = fileByHand(
  { y: { dtype: 'F8_E4M3', shape: [6], data_offsets: [0, 6] } },
  6,
);
/** Files to change. */
export const corpus: readonly Uint8Array[] = [one, two, three, fileByHand('{}')];

/** Every tensor of a file that was taken reads with the length that its entry says. */
export async function readAll(file: SafetensorsFile, dice: Dice): Promise<void> {
  for (const [name, { dtype, shape, byteLength }] of file.entries) {
    const elements = shape.reduce((product, side) => product * side, 1);
    try {
      const stored = await file.read(name);
      expect([stored.length, stored.byteLength]).toEqual([elements, byteLength]);
      const numbers = await file.readAs(name, pick(dice, ['f64', 'f32', 'f16', 'bool']));
      expect(numbers.length).toBe(elements);
    } catch (error) {
      const isUnreadable = /^(F8|F6|F4|C64)/.test(dtype);
      if (!isUnreadable || !isLorikeetError(error, 'unsupported')) throw error;
    }
  }
}
