import { LorikeetError } from '@lorikeet/tensor-core';
import type { WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { kernelTotals, printKernels, writeTrace } from './kernelRuns.ts';
import type { PlainStep } from './makeStep.ts';
import { measureRoofline } from './measureRoofline.ts';

/** Steps that are traced. */
const traced = 3;

/** Takes some steps on a backend that profiles, writes what ran on the device to a trace, and prints it as a table. */
export async function traceKernels(
  file: string,
  step: PlainStep,
  backend: WebgpuBackend,
): Promise<Readonly<Record<string, unknown>>> {
  // What was before, is no part of the steps.
  await step.run();
  await backend.takeProfile();
  for (let i = 0; i < traced; i++) await step.run();
  await backend.synchronize();
  const runs = await backend.takeProfile();
  if (runs.length === 0)
    throw new LorikeetError('unsupported', 'the adapter gives no times of kernels', {
      expected: "the feature 'timestamp-query'",
    });
  await writeTrace(file, runs, backend.adapter.name);
  const roofline = await measureRoofline();
  const kernels = kernelTotals(runs, traced, roofline);
  printKernels(kernels, roofline);
  return {
    trace: file,
    roofline_gflops: roofline.flops_per_s / 1e9,
    roofline_gb_per_s: roofline.bytes_per_s / 1e9,
    kernels,
  };
}
