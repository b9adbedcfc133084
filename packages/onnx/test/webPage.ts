import { createWebBackend, webProvider } from '@lorikeet/onnx/web';
import { createReferenceBackend } from '@lorikeet/tensor-core';
import { loraSlopes } from './loraSlopes.ts';

/** What the page tells the test. */
export interface PageReport {
  /** What failed. */
  readonly error?: string;
  readonly reason: string;
  /** The largest difference from the reference, of the loss and all gradients. */
  readonly difference: number;
  readonly count: number;
}

async function report(): Promise<PageReport> {
  const { reason } = await webProvider.probe();
  const expected = await loraSlopes(createReferenceBackend());
  const slopes = await loraSlopes(createWebBackend({ threads: 2 }));
  const differences = [...slopes].flatMap(([path, slope]) =>
    Array.from(slope, (value, i) => Math.abs(value - (expected.get(path)?.[i] ?? Number.NaN))),
  );
  return { reason, difference: Math.max(...differences), count: differences.length };
}

const told = await report().catch((error: unknown) => ({ error: String(error) }));
await fetch('/report', { method: 'POST', body: JSON.stringify(told) });
