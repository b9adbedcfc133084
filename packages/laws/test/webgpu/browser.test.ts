import { expect, test } from 'vitest';
import { bundle } from '../../../../scripts/browser/bundle.ts';
import { chromium, withSwiftShader } from '../../../../scripts/browser/chromium.ts';
import { reportOf } from '../../../../scripts/browser/reportOf.ts';
import type { PageReport } from './webPage.ts';

test('ops, layers and LoRA steps in Chromium are as on the reference', async ({ skip }) => {
  const page = await bundle(new URL('webPage.ts', import.meta.url));
  expect(page.builtins).toEqual([]);
  if (chromium === undefined) {
    console.warn('Not checked: WebGPU in a browser. There is no Chromium on this machine.');
    skip('there is no Chromium');
    return;
  }
  const report = await reportOf<PageReport>(page, chromium, withSwiftShader);
  expect(report.error).toBeUndefined();
  expect(report.isSoftware).toBe(true);
  expect(report.ops.length).toBeGreaterThan(100);
  expect(report.results).toBeGreaterThan(40);
  expect(report.differences).toEqual([]);
}, 180_000);
