import { merge, type Variant } from '@lorikeet/peft-lora';
import { type DType, isFloat, mapTensors } from '@lorikeet/tensor-core';
import type { Law } from '../law.ts';
import { adapterLaw } from './adapterCase.ts';
import type { Probe } from './probe.ts';

const merges = [
  ['f32', 'f32'],
  ['f32', 'f16'],
  ['f16', 'f16'],
  ['bf16', 'bf16'],
] as const;

/** What is told of a merged weight holds: no element is further off than its bound. */
export function mergesWithinItsBound<C>(variant: Variant<C>): Law {
  const name = 'merges within the bound that it states, in f32 and in half floats';
  return adapterLaw(name, variant, async ({ trained }) => {
    for (const [base, dtype] of merges) {
      const { report } = await merge(inFloats(trained, base), { dtype, report: true });
      for (const row of report.rows) {
        if (row.isWithinBound) continue;
        const what = `${row.path} of ${base}, merged in ${dtype},`;
        throw new Error(`${what} is off by ${row.largest}, its bound is ${row.bound}`);
      }
    }
  });
}

function inFloats(model: Probe, dtype: DType): Probe {
  return mapTensors(model, (leaf) => (isFloat(leaf.dtype) ? leaf.cast(dtype) : leaf));
}
