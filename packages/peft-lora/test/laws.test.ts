import { adapterLaws, describeLaws, moduleAdapterLaws } from '@lorikeet/laws';
import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';

test('the variants are found by their place', () => {
  expect(variants.map(({ name }) => name)).toContain('lora');
});

for (const variant of variants)
  describeLaws(variant.name, adapterLaws(variant), { describe, test });

for (const variant of moduleVariants)
  describeLaws(variant.name, moduleAdapterLaws(variant), { describe, test });
