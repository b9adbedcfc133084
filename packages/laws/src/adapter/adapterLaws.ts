import type { Variant } from '@lorikeet/peft-lora';
import type { Law } from '../law.ts';
import {
  countsItsParameters,
  followsItsKey,
  keepsItsAngles,
  keepsItsRank,
  leavesTheBase,
  startsAsItSays,
} from './baseLaws.ts';
import { mixesRows } from './batchLaws.ts';
import { commutesElsewhere, mixesEvenly, stacks } from './combiningLaws.ts';
import { heedsItsConfig, survivesItsFile } from './configLaws.ts';
import { waitsForItsInvocation } from './invocationLaws.ts';
import { mergesWithinItsBound } from './mergingLaws.ts';
import { computesInSingle } from './precisionLaws.ts';
import { mergesToItself, multipliesAsItMeans } from './productLaws.ts';
import { keepsQuantizedBases, worksOnQuantizedBases } from './quantizedLaws.ts';
import { differentiates, drawsOnlyInTraining, reachesItsParameters } from './trainingLaws.ts';

/**
 * What every method of parameter-efficient fine-tuning must obey, our own or yours. Models, shapes and configs
 * are drawn; configs by the variant's own `sample`. Numbers are f64, so that a tolerance hides nothing, and f32 where a law says so.
 *
 * - The base is left as it is, and comes back when the adapter is disabled; the start is as the trait says.
 * - Fast forms, merging, mixing, stacking and batches with an adapter for each row give what the meaning (`materialize`) gives, in outputs and in
 *   gradients.
 * - What waits for invocation tokens is the base before them.
 * - On quantised bases, which stay packed, the method is the same; merging back into one keeps to the bound.
 * - Gradients reach every parameter and equal differences; randomness stays in training.
 * - Counts, ranks and keys are as the traits say, every option does something, and files keep it all.
 *
 * @returns laws to register with `describeLaws`, or to check one by one.
 * @example
 * import { loraVariant } from '@lorikeet/peft-lora';
 * describeLaws('lora', adapterLaws(loraVariant), { describe, test });
 */
export function adapterLaws<Config>(variant: Variant<Config>): readonly Law[] {
  return [
    leavesTheBase(variant),
    startsAsItSays(variant),
    multipliesAsItMeans(variant),
    computesInSingle(variant),
    mergesToItself(variant),
    mergesWithinItsBound(variant),
    mixesEvenly(variant),
    stacks(variant),
    commutesElsewhere(variant),
    ...(variant.kinds.every((kind) => kind === 'experts') ? [] : [mixesRows(variant)]),
    ...(isForTokens(variant) ? [waitsForItsInvocation(variant)] : []),
    reachesItsParameters(variant),
    differentiates(variant),
    drawsOnlyInTraining(variant),
    countsItsParameters(variant),
    keepsItsRank(variant),
    keepsItsAngles(variant),
    followsItsKey(variant),
    heedsItsConfig(variant),
    ...(isForMatrices(variant)
      ? [worksOnQuantizedBases(variant), keepsQuantizedBases(variant)]
      : []),
    ...(variant.peft === undefined ? [] : [survivesItsFile(variant)]),
  ];
}

/**
 * Those of `adapterLaws` whose numbers are f32 and less: for a backend without f64, where the others compute on the host, and
 * say nothing of it.
 */
export function singleAdapterLaws<Config>(variant: Variant<Config>): readonly Law[] {
  return [
    computesInSingle(variant),
    mergesWithinItsBound(variant),
    ...(isForMatrices(variant) ? [keepsQuantizedBases(variant)] : []),
    ...(variant.peft === undefined ? [] : [survivesItsFile(variant)]),
  ];
}

/** What changes the bias acts on all tokens alike. */
function isForTokens<C>({ kinds, adaptBias }: Variant<C>): boolean {
  return kinds.includes('linear') && adaptBias === undefined;
}

/** Only matrices and tables are quantised. */
function isForMatrices<C>({ kinds }: Variant<C>): boolean {
  return kinds.some((kind) => kind === 'linear' || kind === 'embedding');
}
