import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { expect, test } from 'vitest';

test('the variants are found by their place', () => {
  expect(variants.map(({ name }) => name)).toContain('lora');
  expect(moduleVariants.map(({ name }) => name)).toContain('promptTuning');
});
