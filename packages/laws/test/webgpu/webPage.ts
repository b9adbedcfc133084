import { everyOp, opLaws } from '@lorikeet/laws';
import { type Backend, createReferenceBackend } from '@lorikeet/tensor-core';
import { createWebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { layers } from './layers.ts';
import { loraSteps } from './loraSteps.ts';
import { misfits } from './misfits.ts';

/** What the page tells the test. */
export interface PageReport {
  /** What failed. */
  readonly error?: string;
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** The ops that were compared. */
  readonly ops: readonly string[];
  /** How many results of layers and steps were compared. */
  readonly results: number;
  /** What differs from the reference, in words. */
  readonly differences: readonly string[];
}

async function report(): Promise<PageReport> {
  const webgpu = await createWebgpuBackend();
  const reference = createReferenceBackend();
  const both: readonly [Backend, Backend] = [webgpu, reference];
  const [ofOps, ofLayers, ofSteps] = [
    await opMisfits(webgpu),
    await misfits(layers, both),
    await misfits(loraSteps, both),
  ];
  return {
    adapter: webgpu.adapter.name,
    isSoftware: webgpu.adapter.isSoftware,
    ops: everyOp.map(({ name }) => name),
    results: ofLayers.count + ofSteps.count,
    differences: [...ofOps, ...ofLayers.differences, ...ofSteps.differences],
  };
}

/** Few cases of each op: Node tries many. */
async function opMisfits(webgpu: Backend): Promise<readonly string[]> {
  const differences: string[] = [];
  for (const op of everyOp) {
    const laws = opLaws(op, { backends: [webgpu] });
    for (const law of laws.filter(({ name }) => name === 'is the same on webgpu'))
      await law
        .check({ runs: 2, seed: 1 })
        .catch((error: unknown) => differences.push(`${op.name}: ${error}`));
  }
  return differences;
}

const told = await report().catch((error: unknown) => ({ error: String(error) }));
await fetch('/report', { method: 'POST', body: JSON.stringify(told) });
