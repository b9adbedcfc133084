import {
  add,
  compile,
  formatProgram,
  gather,
  grad,
  isLorikeetError,
  LorikeetError,
  namedScope,
  sin,
  sum,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const [two, three] = [tensor([1, 2]), tensor([1, 2, 3])];

function errorOf(fn: () => unknown): LorikeetError {
  try {
    fn();
  } catch (error) {
    if (isLorikeetError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('an error tells the scopes that are open, and the line of the caller', () => {
  const error = errorOf(() =>
    namedScope('encoder', () => namedScope(3, () => namedScope('query', () => add(two, three)))),
  );
  expect(error.path).toBe('encoder.3.query');
  expect(error.message).toContain('\n  at:       encoder.3.query\n');
  expect(error.location).toMatch(/\/place\.test\.ts:\d+:\d+$/);
  expect(error.message).toMatch(/\n {2}from: {5}\/.*\/place\.test\.ts:\d+:\d+$/);
});

test('a path that is given comes first', () => {
  const error = namedScope('a', () => new LorikeetError('internal', 'x', { path: 'b.c' }));
  expect(error.path).toBe('b.c');
});

test('a scope ends with its function, by an error too', () => {
  expect(() =>
    namedScope('a', () => {
      throw new Error('gone');
    }),
  ).toThrow('gone');
  expect(errorOf(() => add(two, three)).path).toBeUndefined();
  expect(namedScope('a', () => 7)).toBe(7);
});

test('the line is that of the function which called the library, however deep that goes', () => {
  const call = (fn: () => unknown, depth: number): unknown =>
    depth === 0 ? fn() : [0].map(() => call(fn, depth - 1));
  const error = errorOf(() => call(() => grad((x: Tensor) => sum(add(x, three)))(two), 20));
  const line = new Error().stack?.split('\n')[1] ?? '';
  expect(error.location?.split(':')[0]).toBe(/\(?(?:file:\/\/)?(\/[^:]+)/.exec(line)?.[1]);
});

test('what runs later tells the place where it was recorded, in compiled functions', () => {
  const rows = compile((ids: Tensor) => namedScope('table', () => gather(three, ids)));
  const error = errorOf(() => rows(tensor([5], [1], 'i32')));
  expect(error.code).toBe('index-out-of-range');
  expect(error.path).toBe('table');
});

test('instructions know their place, those of derivatives too; their text does not', () => {
  const slope = compile(grad((x: Tensor) => namedScope('wave', () => sum(sin(x)))));
  const program = slope.program(two);
  expect(program.instructions.map(({ path }) => path)).toContain('wave');
  expect(formatProgram(program)).not.toContain('wave');
});
