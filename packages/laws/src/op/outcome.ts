import { realize, record, type Tensor, type TypedArray, vjp } from '@lorikeet/tensor-core';
import { noise } from '../noise.ts';
import { freePlaces, isDifferentiable, type OpCase, tensorOf } from './opCase.ts';

/** The result of the case's op on other tensors than its own. */
export function callOp({ op, attributes }: OpCase, inputs: readonly Tensor[]): Tensor {
  return record(op, inputs, attributes);
}

/** Weights for the elements of a result, that make it a scalar to differentiate. */
export function weightsOf({ seed }: OpCase, output: Tensor): Tensor {
  return tensorOf(noise(seed, output.size), output.shape, output.dtype);
}

/** The gradients of the weighted result by the operands at `freePlaces`. */
export function gradientsOf(opCase: OpCase, inputs: readonly Tensor[]): Tensor[] {
  return resultAndGradients(opCase, inputs).slice(1);
}

/** The result, and, if it is differentiable, its gradients: all that a backend computes for a case. */
export function resultAndGradients(opCase: OpCase, inputs: readonly Tensor[]): Tensor[] {
  const { value, pullback } = vjp((tensors: readonly Tensor[]) => callOp(opCase, tensors), inputs);
  if (!isDifferentiable(opCase.op, value.dtype)) return [value];
  const gradients = pullback(weightsOf(opCase, value));
  return [value, ...freePlaces(opCase).map((place) => gradients[place] as Tensor)];
}

/** The elements of all tensors, computed together. */
export async function readAll(tensors: readonly Tensor[]): Promise<TypedArray[]> {
  realize(...tensors);
  return await Promise.all(tensors.map((tensor) => tensor.data()));
}

/** Names for what `resultAndGradients` gives, for messages. */
export function partName(opCase: OpCase, part: number): string {
  return part === 0 ? 'result' : `gradient of operand ${freePlaces(opCase)[part - 1]}`;
}
