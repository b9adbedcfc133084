import { dot, reshape, type Shape, swapAxes, type Tensor } from '@lorikeet/tensor-core';

/**
 * The second factor of a kernel that has a core for its spatial sides (Tucker's form).
 *
 * @param core [R, R, ...kernel], of which the first axis meets the other factor; any trailing sides of 1 may be added.
 * @param b [R, C]
 * @param kernel the spatial sides.
 * @returns [R, C, ...kernel]
 */
export function coreKernel(core: Tensor, b: Tensor, kernel: Shape): Tensor {
  const [R = 1] = core.shape;
  const [, channels = 1] = b.shape;
  const flat = reshape(core, [R, R, -1]); // [R, R, K]
  const mixed = dot(flat, b, { contract: [[1], [0]] }); // [R, K, C]
  return reshape(swapAxes(mixed), [R, channels, ...kernel]);
}

/** The sides of the core: PEFT gives that of a line a second one. */
export function coreSides(kernel: Shape): Shape {
  return kernel.length === 1 ? [...kernel, 1] : kernel;
}

/** Whether a kernel has spatial sides that a core is worth. */
export function hasCore(isAsked: boolean, kernel: Shape): boolean {
  return isAsked && kernel.some((side) => side !== 1);
}
