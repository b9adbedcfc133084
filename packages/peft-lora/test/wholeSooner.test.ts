import { Context, Linear, materialize, Quantized, type Weight } from '@lorikeet/nn';
import {
  adapt,
  c3a,
  fourierft,
  type Method,
  method,
  shira,
  shiraVariant,
  supertuning,
  waveft,
} from '@lorikeet/peft-lora';
import { cast, compile, dot, normal, randomKey, type Tensor, zeros } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { largestResult } from './largestResult.ts';

const weight = normal(randomKey(1), [48, 64]);
const methods: readonly (readonly [string, Method])[] = [
  ['fourierft', fourierft({ frequencies: 40 })],
  ['waveft', waveft({ frequencies: 40, initWeights: false })],
  ['c3a', c3a({ blockSize: 16, initWeights: 'gaussian' })],
  ['shira', shira({ rank: 1, initWeights: false })],
  ['supertuning', supertuning({ sparsity: 0.96, initWeights: false })],
];

/** Products with as many rows in the program of a call. */
function productsOf(layer: Linear, how: Method, rows: number): number {
  const { part } = adapt({ part: layer }, { part: how });
  const call = compile((x: Tensor) => part.call(x, Context.evaluation));
  const { instructions } = call.program(normal(randomKey(2), [rows, 64]));
  return instructions.filter(({ op, type }) => op.name === 'dot' && type.shape[0] === rows).length;
}

describe.each(methods)('%s', (_, how) => {
  test('takes one product with the whole weight for many rows, and the same comes out', async () => {
    const layer = new Linear(weight, null);
    expect(productsOf(layer, how, 200)).toBe(1);
    const { part } = adapt({ part: layer }, { part: how });
    const x = normal(randomKey(2), [200, 64]);
    const many = [...(await part.call(x, Context.evaluation).data())];
    const whole = dot(x, materialize(part.weight), { contract: [[-1], [1]] });
    const expected = [...(await whole.data())];
    many.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 4);
    });
  });

  test('forms no whole weight for few rows', () => {
    const { part } = adapt({ part: new Linear(zeros([384, 480]), null) }, { part: how });
    expect(largestResult(part, zeros([2, 480]))).toBeLessThan(384 * 480);
  });
});

test('is asked of plain bases in full precision alone', () => {
  const asked: number[] = [];
  const isWholeSooner = ({ rows }: { readonly rows: number }): boolean => {
    asked.push(rows);
    return false;
  };
  const call = (base: Weight): void => {
    const how = method({ ...shiraVariant, isWholeSooner }, { rank: 1 });
    const { part } = adapt({ part: new Linear(base, null) }, { part: how });
    part.call(zeros([2, 3, 64]), Context.evaluation);
  };
  call(weight);
  expect(asked).toEqual([6]);
  call(cast(weight, 'f16'));
  call(Quantized.of(weight, { inputAxis: 1 }, { dtype: 'i8', blockSize: 4 }));
  expect(asked).toEqual([6]);
});
