import { LorikeetError } from '../../../errors.ts';
import type { Attributes, Primitive } from '../../../op.ts';

/** A step that only this backend knows: ops are rewritten to such steps after all else that is done to a program. */
export function deviceStep<A extends Attributes>(name: string): Primitive<A> {
  const refuse = (): never => {
    throw new LorikeetError('internal', `webgpu: ${name} is a step of kernels, not an op`);
  };
  return {
    kind: 'primitive',
    name,
    infer: refuse,
    evaluate: refuse,
    derivative: 'none',
    batch: 'loop',
    sample: refuse,
  };
}
