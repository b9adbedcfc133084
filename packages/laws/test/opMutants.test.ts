import { LawViolation, opLaws } from '@lorikeet/laws';
import { tanhOp } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { compositeMutants, stretchOp } from './opMutants/composites.ts';
import { mutantOf } from './opMutants/opMutant.ts';
import { primitiveMutants, rescaleOp } from './opMutants/primitives.ts';

// A law that no mistake can break is no law.

const mutants = [...primitiveMutants, ...compositeMutants];

test('the ops that are changed here obey all laws', async () => {
  for (const law of [...opLaws(rescaleOp), ...opLaws(stretchOp)]) await law.check();
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, laws, killer) => {
    const law = laws.find(({ name }) => name === killer);
    await expect(law?.check({ runs: 200, seed: 1 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const killers = new Set(mutants.map(([, , killer]) => killer));
  const ops = [tanhOp, mutantOf(tanhOp, { derivative: 'none' }), stretchOp];
  const names = ops.flatMap((op) => opLaws(op)).map(({ name }) => name);
  expect(names.filter((name) => !killers.has(name))).toEqual([]);
});
