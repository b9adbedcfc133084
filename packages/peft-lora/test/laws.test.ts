import { adapterLaws, describeLaws } from '@lorikeet/laws';
import { variants } from '@lorikeet/peft-lora';
import { describe, expect, test } from 'vitest';

test('the variants are found by their place', () => {
  expect(variants.map(({ name }) => name)).toContain('lora');
});

for (const variant of variants)
  describeLaws(variant.name, adapterLaws(variant), { describe, test });
