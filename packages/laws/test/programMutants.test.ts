import { LawViolation, programLaws } from '@lorikeet/laws';
import {
  type AnyOp,
  addOp,
  type Composite,
  cosOp,
  dotOp,
  flipOp,
  mul,
  mulOp,
  operand,
  record,
  sinOp,
  stopGradient,
  sub,
  sumOp,
  tanhOp,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { mutantOf } from './opMutants/opMutant.ts';

const sound: readonly AnyOp[] = [tanhOp, sinOp, addOp, mulOp, sumOp, dotOp];

let calls = 0;
/** It forgets what it was: every call is a little larger. */
const impureOp: Composite = {
  kind: 'composite',
  name: 'impure',
  body: ([x]) => mul(operand([x], 0) ?? 1, 1 + calls++),
  sample: (draw) => ({ inputs: [{ shape: draw.shape() }], attributes: {} }),
};

const mutants: readonly [mistake: string, op: AnyOp, killer: string][] = [
  [
    'a simplification that is wrong',
    mutantOf(mulOp, { simplify: () => 0 }),
    'is the same compiled, value and gradient',
  ],
  [
    'a derivative that has none itself',
    mutantOf(tanhOp, {
      derivative: ({ output, gradient }) => [
        mul(gradient, stopGradient(sub(1, mul(output, output)))),
      ],
    }),
    'has the gradient of a compiled gradient',
  ],
  [
    'a derivative that is not linear',
    mutantOf(tanhOp, { derivative: ({ gradient }) => [mul(gradient, gradient)] }),
    'has a jvp adjoint to its vjp',
  ],
  [
    'a batch that is an axis like any other',
    mutantOf(sumOp, {
      batch: ({ op, inputs, attributes }) => record(op, inputs, attributes),
    }),
    'is mapped over a batch as in a loop',
  ],
  ['an op with a memory', impureOp, 'is the same with a checkpoint'],
  [
    'axes that run the other way',
    mutantOf(flipOp, { along: ([x]) => [[...(x?.shape.keys() ?? [])]] }),
    'gives a part of a result as the whole has it',
  ],
  [
    'a zero that becomes a one',
    mutantOf(cosOp, { vanishes: 'every' }),
    'takes zeros around an operand as they are',
  ],
];

test('sound ops obey all laws', async () => {
  for (const law of programLaws(sound)) await law.check({ runs: 20 });
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, op, killer) => {
    const law = programLaws([...sound, op], { length: 4 }).find(({ name }) => name === killer);
    await expect(law?.check({ runs: 100, seed: 1 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const killers = mutants.map(([, , killer]) => killer);
  expect(programLaws(sound).map(({ name }) => name)).toEqual(killers);
});
