import { adapterLaws, LawViolation } from '@lorikeet/laws';
import { loraVariant } from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';
import { laws } from './adapterMutants/adapterMutant.ts';
import { firstValueMutants } from './adapterMutants/firstValues.ts';
import { optionMutants } from './adapterMutants/options.ts';
import { productMutants } from './adapterMutants/products.ts';

// A law that no mistake can break is no law.

const mutants = [...firstValueMutants, ...productMutants, ...optionMutants];
const kills = mutants.flatMap(({ mistake, variant, killers }) =>
  killers.map((killer) => [mistake, killer, variant] as const),
);

test('lora as it is obeys every law', async () => {
  for (const law of adapterLaws(loraVariant)) await law.check({ seed: 2, runs: 20 });
});

describe('a variant with', () => {
  test.each(kills)('%s is found by the law: %s', async (_, killer, variant) => {
    const law = adapterLaws(variant).find(({ name }) => name === killer);
    await expect(law?.check({ runs: 60, seed: 1 })).rejects.toThrow(LawViolation);
  });
});

test('every law finds some mistake', () => {
  const names = adapterLaws(loraVariant).map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.values(laws).toSorted());
  const killers = new Set(mutants.flatMap((mutant) => mutant.killers));
  expect(names.filter((name) => !killers.has(name))).toEqual([]);
});
