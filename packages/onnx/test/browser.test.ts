import { beforeAll, expect, test } from 'vitest';
import { type Bundle, bundle } from '../../../scripts/browser/bundle.ts';
import { chromium, withoutGpu } from '../../../scripts/browser/chromium.ts';
import { reportOf } from '../../../scripts/browser/reportOf.ts';
import type { PageReport } from './webPage.ts';

let page: Bundle;
beforeAll(async () => {
  page = await bundle(new URL('webPage.ts', import.meta.url));
});

test('the entry for browsers imports no module of Node', () => {
  expect(page.builtins).toEqual([]);
  expect([...page.files.keys()].some((name) => name.endsWith('.wasm'))).toBe(true);
});

test('a LoRA step in Chromium has the gradients of the reference', async ({ skip }) => {
  if (chromium === undefined) {
    console.warn('Not checked: the backend in a browser. There is no Chromium on this machine.');
    skip('there is no Chromium');
    return;
  }
  const { error, reason, difference, count } = await reportOf<PageReport>(
    page,
    chromium,
    withoutGpu,
  );
  expect(error).toBeUndefined();
  expect(reason).toBe('ONNX Runtime in WebAssembly, several threads');
  expect(count).toBeGreaterThan(1000);
  expect(difference).toBeLessThan(1e-5);
});
