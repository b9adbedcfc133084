import {
  at,
  Context,
  combine,
  isAdaptable,
  mapTree,
  materialize,
  partition,
  type Part as TreePart,
  type Weight,
} from '@lorikeet/nn';
import {
  AdaptedWeight,
  type AdapterSettings,
  adapt,
  adapterLayers,
  isTrainable,
  type Method,
  method,
  siteShapeOf,
  type Variant,
} from '@lorikeet/peft-lora';
import { evaluate, foldIn, randomKey, type Tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { drawProbe, formatProbe, type Probe } from './probe.ts';

/** A probe with an adapter of some config on its parts. */
export interface AdapterCase<Config> {
  readonly model: Probe;
  /** One for each part; floating point, but for an embedding, which takes rows. */
  readonly inputs: readonly Tensor[];
  readonly method: Method<Config>;
  /** As `adapt` made it. */
  readonly fresh: Probe;
  /** The same with parameters as after some training, in f64. */
  readonly trained: Probe;
}

/** A law over random models, shapes and configs: those of the variant's own `sample`; `runs` of them by default. */
export function adapterLaw<Config>(
  name: string,
  variant: Variant<Config>,
  holds: (adapterCase: AdapterCase<Config>) => Promise<void>,
  runs?: number,
): Law {
  const cases = fc.gen().map((gen) => {
    const draw = fastCheckDraw(gen);
    // Not by `filter`: fast-check draws from `gen` what it drew before.
    for (let attempt = 0; attempt < 1000; attempt++) {
      const options = variant.sample(draw);
      const chosen = method(variant, options);
      const probe = drawProbe(
        draw,
        variant.kinds,
        variant.bias?.isUsed(chosen.config),
        variant.sides,
      );
      if (!fits(probe.model, chosen)) continue;
      const shown = (): string => `${fc.stringify({ config: options })}\n${formatProbe(probe)}`;
      return { ...probe, method: chosen, [fc.toStringMethod]: shown };
    }
    throw new Error(`${variant.name} refuses the shapes of 1000 models`);
  });
  return law(
    name,
    cases,
    async (drawn) => {
      const fresh = await evaluate(adaptAll(drawn.model, drawn.method));
      await holds({ ...drawn, fresh, trained: trainedForm(fresh) });
    },
    runs,
  );
}

/** Whether a variant takes weights of the shapes that a probe has. */
export function fits<Config>(model: Probe, { variant, config }: Method<Config>): boolean {
  return model.adapted.every((path) => {
    const module = at(model, path);
    if (!isAdaptable(module)) return false;
    const { site } = module;
    const shape = siteShapeOf(site, materialize(module[site.field] as Weight).shape);
    return variant.refusal?.(variant.configAt?.(config, path) ?? config, shape) === undefined;
  });
}

/** The adapter on every part of the model, made from the key of a seed. */
export function adaptAll<Config>(
  model: Probe,
  how: Method<Config>,
  { seed = 5, name = 'default' }: { readonly seed?: number; readonly name?: string } = {},
): Probe {
  return adapt(model, Object.fromEntries(model.adapted.map((path) => [path, how])), {
    key: randomKey(seed),
    name,
  });
}

/** The model with every trainable tensor replaced by noise in f64, as if it had been trained. */
export function trainedForm(
  tuned: Probe,
  seed = 40,
  isLive: typeof isTrainable = isTrainable,
): Probe {
  // By its sides, so that what places share stays one.
  const [trainable, frozen] = partition(tuned, isLive);
  let count = seed;
  const noise = mapTree(trainable, ({ shape }) => noiseTensor(shape, count++).mul(0.5));
  return combine(noise, frozen);
}

/** The outputs of a probe in evaluation, or in training with the key of a seed, as one list of numbers. */
export async function outputsOf(
  model: Probe,
  inputs: readonly Tensor[],
  seed?: number,
): Promise<number[]> {
  return (await outputsByPart(model, inputs, seed)).flat();
}

/** The same, a list for each part. */
export async function outputsByPart(
  model: Probe,
  inputs: readonly Tensor[],
  seed?: number,
): Promise<number[][]> {
  const context =
    seed === undefined ? Context.evaluation : Context.training(foldIn(randomKey(seed), 'law'));
  const outputs = await evaluate(model.call(inputs, context));
  return await Promise.all(outputs.map(async (output) => [...(await output.data())]));
}

/** The elements of some tensors, one after the other. */
export async function numbersOf(tensors: readonly Tensor[]): Promise<number[]> {
  await evaluate(tensors);
  return (await Promise.all(tensors.map((tensor) => tensor.data()))).flatMap((data) => [...data]);
}

/** The adapted weights of a probe, as its modules would multiply with them. */
export function weightsOf(model: Probe): Tensor[] {
  return model.adapted.map((path) => {
    const module = at(model, path);
    return materialize((isAdaptable(module) ? module[module.site.field] : undefined) as Weight);
  });
}

/** What trains and what does not. */
export function split(tuned: Probe): [trainable: TreePart<Probe>, frozen: TreePart<Probe>] {
  return partition(tuned, isTrainable);
}

/** The settings of the adapters of a probe, in the order of `weightsOf`. */
export function settingsOf(tuned: Probe): AdapterSettings[] {
  const found = adapterLayers(tuned).flatMap(({ layer }) =>
    layer instanceof AdaptedWeight ? [layer.settings] : [],
  );
  return tuned.adapted.flatMap((path) => found.filter((settings) => settings.path === path));
}
