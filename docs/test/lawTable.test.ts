import { readFileSync } from 'node:fs';
import { adapterLaws, moduleAdapterLaws } from '@lorikeet/laws';
import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../reference/laws.md', import.meta.url), 'utf8');

/** The laws that the page says a method has passed, and those that it has failed. */
function lawsOnPage(method: string): readonly string[] {
  for (const section of page.split('\n## ').slice(1)) {
    const names = [...section.matchAll(/^\d+\. (.+)$/gm)].map(([, name = '']) => name);
    const row = section.split('\n').find((line) => line.startsWith(`| ${method} |`));
    if (row === undefined) continue;
    const cells = row.split('|').slice(2, -1);
    return names.filter((_, i) => cells[i]?.trim() === '✓');
  }
  return [];
}

const lawsOf = new Map([
  ...variants.map((variant) => [variant.name, adapterLaws(variant)] as const),
  ...moduleVariants.map((variant) => [variant.name, moduleAdapterLaws(variant)] as const),
]);

test.each([...lawsOf])('the page says which laws hold for %s', (method, laws) => {
  // If this fails: `npm run laws`.
  expect(lawsOnPage(method).toSorted()).toEqual(laws.map(({ name }) => name).toSorted());
});

test('the page has no other methods', () => {
  const rows = [...page.matchAll(/^\| (\w+) \|/gm)].map(([, method]) => method);
  expect(rows.filter((method) => method !== 'method').toSorted()).toEqual(
    [...lawsOf.keys()].toSorted(),
  );
});
