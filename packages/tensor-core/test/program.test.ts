import {
  add,
  alias,
  broadcastTo,
  cast,
  compile,
  concat,
  exp,
  foldIn,
  formatProgram,
  full,
  grad,
  matmul,
  max,
  mul,
  ones,
  pad,
  permute,
  randomBits,
  reshape,
  slice,
  softmax,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

const x = tensor([1, 2, 3]);
const flag = tensor([1, 0, 1], undefined, 'bool');

/** The text of the program of `fn`. */
function programOf(fn: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]): string {
  return formatProgram(compile(fn).program(...inputs));
}

/** The names of the ops in the program of `fn`. */
function opsOf(fn: (...inputs: Tensor[]) => unknown, ...inputs: Tensor[]): string[] {
  const { instructions } = compile(fn).program(...inputs);
  return instructions.map(({ op }) => op.name);
}

test('a program shows its inputs, constants, instructions and results with their types', () => {
  const weight = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const scaled = (t: Tensor): unknown => {
    const y = matmul(weight, t);
    return [sum(y), exp(y)];
  };
  expect(programOf(scaled, x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[2,3] = constant
    c: f32[2] = dot b a {contract:[[1],[0]],batch:[[],[]]}
    d: f32[] = sum c {axes:[0],keepAxes:false}
    e: f32[2] = exp c
    return d, e"
  `);
});

test('attributes are shown in full', () => {
  const view = (t: Tensor): Tensor => sum(permute(reshape(t, [3, 1]), [1, 0]), 0);
  expect(programOf(view, x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[3,1] = reshape a {shape:[3,1]}
    c: f32[1,3] = permute b {axes:[1,0]}
    d: f32[3] = sum c {axes:[0],keepAxes:false}
    return d"
  `);
});

test('equal steps are done once', () => {
  expect(programOf((t) => add(mul(exp(t), exp(t)), exp(t)), x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[3] = exp a
    c: f32[3] = mul b b
    d: f32[3] = add c b
    return d"
  `);
});

test('steps with unequal attributes stay apart', () => {
  const keys = (key: Tensor): unknown => [foldIn(key, 1), foldIn(key, 2), randomBits(key, [3])];
  expect(opsOf(keys, tensor([1, 2], undefined, 'u32'))).toHaveLength(3);
});

test('arithmetic on literals is done beforehand', () => {
  expect(programOf((t) => mul(t, add(mul(full([], 2), 3), exp(0))), x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[] = full {value:7,dtype:"f32",shape:[]}
    c: f32[3] = mul a b
    return c"
  `);
});

test('a literal is rounded as its dtype is', () => {
  const program = programOf((t) => add(t, full([], 1 / 3, 'f16')), tensor([1], undefined, 'f16'));
  expect(program).toContain('value:0.333251953125');
});

test('adding 0 and multiplying by 1 leave nothing', () => {
  const nothing = (t: Tensor): Tensor => sub(mul(add(add(0, t), 0), mul(ones([3]), 1)), 0).div(1);
  expect(programOf(nothing, x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    return a"
  `);
});

test('adding a larger 0 stays, for its shape', () => {
  expect(opsOf((t) => add(t, full([2, 3], 0)), x)).toEqual(['full', 'add']);
});

test('adding a 0 of another dtype leaves the cast', () => {
  expect(opsOf((t) => add(t, full([], 0, 'f64')), x)).toEqual(['cast']);
});

test('multiplying by 0 stays, since it keeps NaN', () => {
  expect(opsOf((t) => mul(t, 0), x)).toEqual(['full', 'mul']);
});

test('names, constants for the derivative, and shapes that stay leave nothing', () => {
  const nothing = (t: Tensor): Tensor =>
    cast(permute(reshape(stopGradient(alias(t)), [3]), [0]), 'f32');
  expect(opsOf(nothing, x)).toEqual([]);
});

test('movement that moves nothing leaves nothing', () => {
  const nothing = (t: Tensor): Tensor => {
    const sliced = slice(pad(t, { low: [0], interior: [0] }), [0], [3]);
    return concat([sum(max(broadcastTo(sliced, [3]), []), [])]);
  };
  expect(opsOf(nothing, x)).toEqual([]);
  expect(opsOf((t) => [pad(t, { interior: [1] }), slice(t, [1], [2])], x)).toEqual([
    'pad',
    'slice',
  ]);
});

test('what no result needs is left out, with its constants', () => {
  const unused = tensor([7, 8, 9]);
  const program = programOf((t) => {
    mul(t, unused);
    return exp(t);
  }, x);
  expect(program).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[3] = exp a
    return b"
  `);
});

test('inputs stay although nothing needs them', () => {
  expect(programOf((_, t) => exp(t as Tensor), x, x)).toMatchInlineSnapshot(`
    "(a: f32[3], b: f32[3])
    c: f32[3] = exp b
    return c"
  `);
});

test('a derivative is a program like any other', () => {
  const loss = (t: Tensor): Tensor => sum(where(flag, mul(t, t), 0));
  expect(programOf(grad(loss) as (t: Tensor) => Tensor, x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: bool[3] = constant
    c: f32[3] = full {value:1,dtype:"f32",shape:[3]}
    d: f32[] = full {value:0,dtype:"f32",shape:[]}
    e: f32[3] = where b c d
    f: f32[3] = mul e a
    g: f32[3] = add f f
    return g"
  `);
});

test('a composite that the backend does not know is written as its body', () => {
  expect(programOf((t) => softmax(t), x)).toMatchInlineSnapshot(`
    "(a: f32[3])
    b: f32[1] = max a {axes:[0],keepAxes:true}
    c: f32[3] = sub a b
    d: f32[3] = exp c
    e: f32[1] = sum d {axes:[0],keepAxes:true}
    f: f32[3] = div d e
    return f"
  `);
});

test('two calls with the same arithmetic have the same text', () => {
  const one = programOf((t) => exp(mul(t, 2)), x);
  expect(programOf((t) => exp(mul(t, 2)), tensor([7, 8, 9]))).toBe(one);
  expect(programOf((t) => exp(mul(t, 3)), x)).not.toBe(one);
  expect(programOf((t) => exp(mul(t, 2)), tensor([1]))).not.toBe(one);
});

test('a program of thousands of steps is lowered whole', () => {
  const steps = 5000;
  const chain = (t: Tensor): Tensor => {
    let y = t;
    for (let i = 0; i < steps; i++) y = add(mul(y, 0.5), t);
    return y;
  };
  expect(opsOf(chain, x)).toHaveLength(2 * steps + 1);
  const names = programOf(chain, x).match(/^[a-z]+(?=:)/gm) ?? [];
  expect(new Set(names).size).toBe(2 * steps + 1);
  const slope = compile(grad((t: Tensor) => sum(chain(t)))).program(x);
  expect(slope.instructions.length).toBeLessThan(6 * steps);
});

test('a step that is used twice at each of many levels is looked at once', () => {
  const doubled = (t: Tensor): Tensor => {
    let y = t;
    for (let i = 0; i < 60; i++) y = add(y, y);
    return y;
  };
  expect(opsOf(doubled, x)).toHaveLength(60);
  expect(opsOf(grad((t: Tensor) => sum(doubled(t))) as (t: Tensor) => Tensor, x)).not.toEqual([]);
});
