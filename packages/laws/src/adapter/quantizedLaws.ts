import { combine, paths } from '@lorikeet/nn';
import { AdaptedWeight, adapterLayers, disable, merge, type Variant } from '@lorikeet/peft-lora';
import { evaluate, grad, sameShape, type Tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { adaptAll, adapterLaw, numbersOf, outputsOf, split, trainedForm } from './adapterCase.ts';
import type { Probe } from './probe.ts';
import { packedWeight, quantizedProbe } from './quantizedProbe.ts';
import { inSingle, isStoredWhole, throughFile } from './throughFile.ts';
import { objective } from './trainingLaws.ts';

/** Products with whole numbers and scales, and with their dequantised products, differ by roundings of f64. */
const tolerance = 1e-9;

/** Few cases, each in one pair of forms. */
const runs = 6;

/** As QLoRA: the base is read through its formula, whatever that is, and nothing of it trains or is unpacked for good. */
export function worksOnQuantizedBases<C>(variant: Variant<C>): Law {
  const name = 'works on a quantised base as on what that stands for, and leaves it packed';
  return adapterLaw(
    name,
    variant,
    async ({ model, inputs, method }) => {
      const { packed, plain, places } = quantizedProbe(model);
      const fresh = await evaluate(adaptAll(packed, method));
      const dense = await evaluate(adaptAll(plain, method));
      const [tuned, expected] = [trainedForm(fresh), trainedForm(dense)];
      for (const [what, one, other] of [
        ['the first output', fresh, dense],
        ['the output', tuned, expected],
      ] as const)
        requireClose(what, await outputsOf(one, inputs), await outputsOf(other, inputs), tolerance);
      requireClose(
        'the gradients',
        await gradients(tuned, inputs),
        await gradients(expected, inputs),
        tolerance,
      );
      for (const path of places) {
        requireSameLeaves(path, packedWeight(tuned, path), packedWeight(packed, path));
        requireSameLeaves(path, packedWeight(disable(tuned), path), packedWeight(packed, path));
        await refuseCopies(fresh, path);
      }
    },
    runs,
  );
}

/** A quantised model stays one: merged into its own form with a stated error, and not part of the adapter's file. */
export function keepsQuantizedBases<C>(variant: Variant<C>): Law {
  const name = 'merges into a quantised base within its bound, and is saved without the base';
  return adapterLaw(
    name,
    variant,
    async ({ model, inputs, method }) => {
      const { packed, places } = quantizedProbe(inSingle(model));
      const tuned = await evaluate(inSingle(trainedForm(adaptAll(packed, method))));
      const merged = await merge(tuned, { quantised: 'requantise', report: true });
      for (const { path, isWithinBound, largest, bound } of merged.report.rows)
        if (!isWithinBound) throw new Error(`${path} is off by ${largest}, its bound is ${bound}`);
      for (const path of places) {
        const [before, after] = [packedWeight(packed, path), packedWeight(merged.model, path)];
        if (before.weight.dtype !== after.weight.dtype)
          throw new Error(`${path} is merged into ${after.weight.dtype}`);
      }
      const whole = await outputsOf(merge(tuned), inputs);
      requireClose('the merged output', whole, await outputsOf(tuned, inputs), 1e-4);
      if (variant.peft === undefined) return;
      const loaded = await throughFile(tuned, packed, variant);
      const compare = isStoredWhole(variant, tuned) ? requireSame : requireNear;
      compare(
        'the output of what was loaded',
        await outputsOf(loaded, inputs),
        await outputsOf(tuned, inputs),
      );
      for (const path of places)
        requireSameLeaves(path, packedWeight(loaded, path), packedWeight(packed, path));
    },
    runs,
  );
}

function requireNear(what: string, actual: readonly number[], expected: readonly number[]): void {
  requireClose(what, actual, expected, 1e-5);
}

/** By all that trains. */
async function gradients(tuned: Probe, inputs: readonly Tensor[]): Promise<number[]> {
  const [live, frozen] = split(tuned);
  const slopes = grad((part: typeof live) => objective(combine(part, frozen), inputs))(live);
  return await numbersOf(paths(slopes).map(([, leaf]) => leaf));
}

function requireSameLeaves(path: string, actual: unknown, expected: unknown): void {
  const [found, wanted] = [paths(actual), paths(expected)];
  if (found.length === wanted.length && found.every(([, leaf], i) => leaf === wanted[i]?.[1]))
    return;
  throw new Error(`the quantised base at ${path} is another one`);
}

/** An adapter that keeps the base beside itself takes more memory than the quantised base saves. */
async function refuseCopies(tuned: Probe, path: string): Promise<void> {
  const weight = packedWeight(tuned, path).materialize();
  // A factor of a single row or column may be what it is a factor of.
  if (weight.shape.some((side) => side === 1)) return;
  const values = await numbersOf([weight]);
  for (const { path: place, layer } of adapterLayers(tuned)) {
    if (!(layer instanceof AdaptedWeight) || !place.startsWith(`${path}.`)) continue;
    for (const [name, leaf] of paths(layer.frozen)) {
      if (!sameShape(leaf.shape, weight.shape)) continue;
      const own = await numbersOf([leaf]);
      if (own.every((value, i) => value === values[i]))
        throw new Error(`the adapter at ${path} keeps the dequantised base in ${name}`);
    }
  }
}
