import {
  add,
  byteSize,
  checkpoint,
  compile,
  formatProgram,
  grad,
  matmul,
  mul,
  type Program,
  sin,
  sizeOf,
  sum,
  type Tensor,
  tanh,
  tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { near, nested } from '../nested.ts';

const x = tensor([0.5, -1, 2]);
const layer = (h: Tensor): Tensor => sin(tanh(mul(h, h)));

test('value and derivatives are those of the function', async () => {
  const plain = valueAndGrad((h: Tensor) => sum(layer(layer(h))));
  const less = valueAndGrad((h: Tensor) => sum(checkpoint(layer)(checkpoint(layer)(h))));
  expect(await less(x).value.item()).toBe(await plain(x).value.item());
  expect(await nested(less(x).gradient)).toEqual(await nested(plain(x).gradient));
});

test('second derivatives too, and a checkpoint in a checkpoint', async () => {
  const twice = (fn: (h: Tensor) => Tensor): Promise<unknown> =>
    nested(grad((h: Tensor) => sum(grad((t: Tensor) => sum(fn(fn(t))))(h)))(x));
  const nestedLayer = checkpoint((h: Tensor) => checkpoint(layer)(h));
  expect(await twice(nestedLayer)).toEqual(near((await twice(layer)) as number[]));
});

test('a tensor that it closes over has its derivative', async () => {
  const slope = grad((w: Tensor) => sum(checkpoint((h: Tensor) => sin(mul(h, w)))(x)));
  const plain = grad((w: Tensor) => sum(sin(mul(x, w))));
  expect(await nested(slope(x))).toEqual(await nested(plain(x)));
});

test('several results, of which some are not used or no numbers', async () => {
  const parts = checkpoint((h: Tensor) => ({ a: sin(h), b: mul(h, h), c: tensor(1, [], 'i32') }));
  const slope = grad((h: Tensor) => {
    const { a, b } = parts(h);
    return sum(add(a, mul(b, a)));
  });
  const plain = grad((h: Tensor) => sum(add(sin(h), mul(mul(h, h), sin(h)))));
  expect(await nested(slope(x))).toEqual(near((await nested(plain(x))) as number[]));
  const one = grad((h: Tensor) => sum(parts(h).b));
  expect(await nested(one(x))).toEqual([1, -2, 4]);
});

test('the backward pass computes again what it needs, in the program too', () => {
  const program = compile(grad((h: Tensor) => sum(checkpoint(layer)(h)))).program(x);
  const count = (name: string): number =>
    program.instructions.filter(({ op }) => op.name === name).length;
  expect(count('tanh')).toBe(1);
  expect(formatProgram(program)).toContain('barrier');
  const both = compile(valueAndGrad((h: Tensor) => sum(checkpoint(layer)(h)))).program(x);
  expect(both.instructions.filter(({ op }) => op.name === 'tanh')).toHaveLength(2);
});

test('a deep model needs less memory at a time', () => {
  const weights = Array.from({ length: 12 }, () =>
    tensor([
      [0.1, 0.2],
      [0.3, 0.4],
    ]),
  );
  const block = (h: Tensor, w: Tensor): Tensor => {
    let state = h;
    for (let i = 0; i < 4; i++) state = sin(matmul(state, w));
    return state;
  };
  const peakOf = (call: typeof block): number => {
    const loss = (all: readonly Tensor[], h: Tensor): Tensor =>
      sum(all.reduce((state, w) => call(state, w), h));
    return peakBytes(
      compile(valueAndGrad(loss)).program(weights, tensor(new Float32Array(2000), [1000, 2])),
    );
  };
  expect(peakOf(checkpoint(block))).toBeLessThan(0.5 * peakOf(block));
});

/** The most that the results of instructions take at a time, if each is freed after its last use. */
function peakBytes({ inputs, constants, instructions, outputs }: Program): number {
  const first = inputs.length + constants.length;
  const lastUse = new Map(outputs.map((value) => [value, instructions.length]));
  instructions.forEach((instruction, i) => {
    for (const value of instruction.inputs)
      lastUse.set(value, Math.max(lastUse.get(value) ?? 0, i));
  });
  const bytes = instructions.map(({ type }) => sizeOf(type.shape) * byteSize(type.dtype));
  let [live, peak] = [0, 0];
  instructions.forEach((_, i) => {
    live += bytes[i] ?? 0;
    peak = Math.max(peak, live);
    for (let value = first; value <= first + i; value++)
      if (lastUse.get(value) === i) live -= bytes[value - first] ?? 0;
  });
  return peak;
}
