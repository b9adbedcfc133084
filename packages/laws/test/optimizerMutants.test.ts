import { type Law, LawViolation, optimizerLaws } from '@lorikeet/laws';
import { adam, chain, momentum, type Optimizer } from '@lorikeet/nn';
import { describe, expect, test } from 'vitest';
import { down, laws, rate } from './optimizerMutants/optimizerMutant.ts';
import { stateMutants } from './optimizerMutants/states.ts';
import { updateMutants } from './optimizerMutants/updates.ts';

// A law that no mistake can break is no law.

const mutants = [...stateMutants, ...updateMutants];
const right = chain(momentum(0.5), down);

function lawOf(name: string, optimizer: Optimizer): Law | undefined {
  return optimizerLaws(optimizer).find((law) => law.name === name);
}

test('optimisers as they are obey every law', async () => {
  for (const optimizer of [right, adam({ learningRate: rate })])
    for (const law of optimizerLaws(optimizer)) await law.check({ seed: 2, runs: 5 });
});

describe('a law finds', () => {
  test.each(mutants)('%s', async (_, optimizer, killer) => {
    await expect(lawOf(killer, optimizer)?.check({ runs: 30, seed: 1 })).rejects.toThrow(
      LawViolation,
    );
  });
});

test('every law finds some mistake', () => {
  const names = optimizerLaws(right).map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.values(laws).toSorted());
  const killers = new Set(mutants.map(([, , killer]) => killer));
  expect(names.filter((name) => !killers.has(name))).toEqual([]);
});

test('what an optimiser declares is not held against it', () => {
  const count = (options = {}): number => optimizerLaws(right, options).length;
  expect(count({ couplesParameters: true })).toBe(count() - 1);
  expect(count({ movesWithoutGradient: true })).toBe(count() - 1);
  expect(count({ isStage: true })).toBe(count() - 2);
});
