import { Context, combine, paths } from '@lorikeet/nn';
import { encodeAdapter, type Method, method, type Variant } from '@lorikeet/peft-lora';
import { type Draw, evaluate, grad, isLorikeetError, randomKey } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import {
  adaptAll,
  adapterLaw,
  fits,
  numbersOf,
  outputsOf,
  split,
  trainedForm,
} from './adapterCase.ts';
import { drawProbe, type Probe } from './probe.ts';
import { inSingle, isStoredWhole, throughFile } from './throughFile.ts';
import { objective } from './trainingLaws.ts';
import { trainingTrace } from './trainingTrace.ts';

/** An option that changes nothing is a mistake. */
export function heedsItsConfig<C>(variant: Variant<C>): Law {
  const name = 'heeds every option of its config';
  return law(
    name,
    // Smaller choices are more alike: a failure is shown as it was drawn.
    fc.noShrink(fc.gen()),
    async (gen) => {
      const draw = fastCheckDraw(gen);
      const unheeded = new Set(Object.keys(variant.schema.shape));
      // Some pairs of configs that differ in one option are alike by chance, as for a path that is not there.
      let tried = 0;
      for (let attempt = 0; attempt < 1000 && tried < 100 && unheeded.size > 0; attempt++) {
        const { model, inputs } = drawProbe(
          draw,
          variant.kinds,
          variant.bias !== undefined,
          variant.sides,
        );
        const one = variant.sample(draw);
        const first = method(variant, one);
        if (!fits(model, first)) continue;
        tried += 1;
        const before = await fingerprint(model, inputs, first);
        for (const field of [...unheeded]) {
          const changed = changedMethod(variant, one, field, draw);
          if (changed === undefined || !fits(model, changed)) continue;
          if ((await fingerprint(model, inputs, changed)) !== before) unheeded.delete(field);
        }
      }
      if (unheeded.size > 0)
        throw new Error(`no change of ${[...unheeded].join(', ')} changed anything`);
    },
    3,
  );
}

/** The method with another value of one option, if some draws give one that the others allow. */
function changedMethod<C>(
  variant: Variant<C>,
  one: Partial<C>,
  field: string,
  draw: Draw,
): Method<C> | undefined {
  const valueIn = (options: object): unknown => Reflect.get(options, field);
  for (let attempt = 0; attempt < 10; attempt++) {
    const value = valueIn(variant.sample(draw));
    if (JSON.stringify(value) === JSON.stringify(valueIn(one))) continue;
    const changed = validMethod(variant, { ...one, [field]: value });
    if (changed !== undefined) return changed;
  }
  return undefined;
}

/** `undefined` for options that exclude each other. */
function validMethod<C>(variant: Variant<C>, options: Partial<C>): Method<C> | undefined {
  try {
    return method(variant, options);
  } catch (error) {
    if (isLorikeetError(error) && error.code === 'invalid-config') return undefined;
    throw error;
  }
}

/**
 * All that a config can change: first values, outputs in evaluation and in training, derivatives that are not those of the
 * outputs, steps of training, and what a file has.
 */
async function fingerprint<C>(
  model: Probe,
  inputs: Parameters<Probe['call']>[0],
  how: Method<C>,
): Promise<string> {
  const fresh = adaptAll(model, how);
  const trained = trainedForm(fresh);
  const first = await numbersOf(paths(split(fresh)[0]).map(([, leaf]) => leaf));
  const holds = how.variant.traits.holdsConstants?.(how.config, true) === true;
  return JSON.stringify([
    first,
    await outputsOf(trained, inputs),
    await outputsOf(trained, inputs, 3),
    holds ? await slopesOf(trained, inputs) : [],
    await trainingTrace(how.variant, trained),
    how.variant.peft === undefined ? [] : [...encodeAdapter(trained).tensors.keys()],
  ]);
}

/** The derivatives by all parameters in training. */
async function slopesOf(trained: Probe, inputs: Parameters<Probe['call']>[0]): Promise<number[]> {
  const [live, frozen] = split(trained);
  const context = Context.training(randomKey(3));
  const slopes = grad((part: typeof live) => objective(combine(part, frozen), inputs, context));
  return await numbersOf(paths(slopes(live)).map(([, leaf]) => leaf));
}

/** Files keep everything. */
export function survivesItsFile<C>(variant: Variant<C>): Law {
  const name = 'is the same after it was saved and loaded';
  return adapterLaw(name, variant, async ({ model, inputs, method }) => {
    const base = inSingle(model);
    // Adapted in single precision, so that what is made of the base is made of the same; and made once, as loading does.
    const tuned = await evaluate(inSingle(trainedForm(adaptAll(base, method))));
    const loaded = await throughFile(tuned, base, variant);
    const values = (tree: Probe): Promise<number[]> =>
      numbersOf(paths(split(tree)[0]).map(([, leaf]) => leaf));
    const isWhole = isStoredWhole(variant, tuned);
    if (isWhole) requireSame('the parameters', await values(loaded), await values(tuned));
    for (const [what, seed] of [
      ['the output', undefined],
      ['the output in training', 1],
    ] as const) {
      const [got, expected] = [
        await outputsOf(loaded, inputs, seed),
        await outputsOf(tuned, inputs, seed),
      ];
      if (isWhole) requireSame(what, got, expected);
      // What stands for the parameters gives them back up to the roundings of f32.
      else requireClose(what, got, expected, 1e-5);
    }
    const configOf = (tree: Probe): string => JSON.stringify(encodeAdapter(tree).config);
    const [again, config] = [configOf(loaded), configOf(tuned)];
    if (again !== config) throw new Error(`the config is ${again} instead of ${config}`);
  });
}
