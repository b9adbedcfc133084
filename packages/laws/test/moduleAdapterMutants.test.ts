import { LawViolation, moduleAdapterLaws } from '@lorikeet/laws';
import { bottleneckVariant } from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';
import { mistakes } from './moduleAdapterMutants/mistakes.ts';
import { laws } from './moduleAdapterMutants/moduleAdapterMutant.ts';

// A law that no mistake can break is no law.

const kills = mistakes.flatMap(([mistake, variant, ...killers]) =>
  killers.map((killer) => [mistake, killer, variant] as const),
);

test('the bottleneck as it is obeys every law', async () => {
  for (const law of moduleAdapterLaws(bottleneckVariant)) await law.check({ seed: 2, runs: 5 });
});

describe('a method with', () => {
  test.each(kills)('%s is found by the law: %s', async (_, killer, variant) => {
    const law = moduleAdapterLaws(variant).find(({ name }) => name === killer);
    await expect(law?.check({ runs: 20, seed: 1 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const names = moduleAdapterLaws(bottleneckVariant).map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.values(laws).toSorted());
  const killers = new Set(mistakes.flatMap(([, , ...found]) => found));
  expect(names.filter((name) => !killers.has(name))).toEqual([]);
});
