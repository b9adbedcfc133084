import { fastCheckDraw } from '@lorikeet/laws';
import { type Primitive, sizeOf, type TensorType } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cuts } from '../../src/backends/webgpu/runtime/refuses.ts';
// The sources' own ops, also where built packages are tested: `cuts` knows no others.
import * as core from '../../src/index.ts';

/** Decompositions go through a matrix step by step; a kernel would be one thread. */
const onHost = [
  'cholesky',
  'det',
  'eigh',
  'expm',
  'leadingSvd',
  'qr',
  'slogdet',
  'solve',
  'svd',
  'triangularSolve',
];

const primitives = Object.values<unknown>(core).filter(isPrimitive);

function isPrimitive(value: unknown): value is Primitive {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'primitive'
  );
}

/** Whether a call of the op, as it draws them, has to run on the host. */
function isRefused(op: Primitive, gen: fc.GeneratorValue): boolean {
  const { inputs: drawn, attributes } = op.sample(fastCheckDraw(gen));
  const inputs = drawn.map(({ shape, dtype = 'f32' }): TensorType => ({ shape, dtype }));
  const type = op.infer(inputs, attributes);
  const isOther = ({ shape, dtype }: TensorType): boolean => sizeOf(shape) === 0 || dtype === 'f64';
  if ([type, ...inputs].some(isOther)) return false;
  return cuts.refuses({ op, inputs, attributes, type });
}

test('the ops that run on the host on WebGPU are these, and no others', () => {
  const refused = new Set<string>();
  for (const op of primitives)
    fc.assert(
      fc.property(fc.gen(), (gen) => {
        if (isRefused(op, gen)) refused.add(op.name);
      }),
      { numRuns: 30 },
    );
  expect([...refused].sort()).toEqual(onHost);
});

test('what has an f64 in it runs on the host', () => {
  const add = primitives.find(({ name }) => name === 'add');
  expect(add).toBeDefined();
  const type: TensorType = { shape: [2], dtype: 'f64' };
  if (add === undefined) return;
  expect(cuts.refuses({ op: add, inputs: [type, type], attributes: {}, type })).toBe(true);
});
