import { AdaptedWeight, adapterLayers } from '@lorikeet/peft-lora';
import { evaluate } from '@lorikeet/tensor-core';
import type { AllocationMeta } from './allocationMeta.ts';
import type { GoldenCase } from './goldenCase.ts';
import type { ParityRow } from './row.ts';

/** The budget that is spent, and the singular values that are left. */
export async function* checkAllocation(
  golden: GoldenCase,
  model: unknown,
  { step, budget, nonzero_singular_values: counts, E }: AllocationMeta,
): AsyncGenerator<ParityRow> {
  let left = 0;
  for (const { layer } of adapterLayers(model)) {
    if (!(layer instanceof AdaptedWeight)) continue;
    const { path } = layer.settings;
    const { E: leaf } = layer.parameters;
    if (leaf === undefined) continue;
    await evaluate([leaf]);
    const values = [...(await leaf.data())];
    const count = values.filter((value) => value !== 0).length;
    left += count;
    yield golden.compare(`step.${step}.E.${path}`, values, E[path] ?? []);
    yield golden.compare(`step.${step}.nonzero.${path}`, [count], [counts[path] ?? Number.NaN]);
  }
  yield golden.compare(`step.${step}.budget`, [left], [budget]);
}
