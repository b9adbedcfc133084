import { at, Context, combine, mapTree, partition, paths, zipTrees } from '@lorikeet/nn';
import {
  decodeAdapter,
  disable,
  encodeAdapter,
  isTrainable,
  type ModuleVariant,
  merge,
  moduleMethod,
} from '@lorikeet/peft-lora';
import {
  compile,
  evaluate,
  grad,
  isLorikeetError,
  mapTensors,
  randomKey,
  sliceAxis,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { bytesSource, encodeSafetensors, readSafetensors } from '@lorikeet/tensor-core/safetensors';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { requireDerivative } from '../numericalDerivative.ts';
import {
  adaptReader,
  inSingle,
  labelledInputs,
  moduleAdapterLaw,
  numbersIn,
  objective,
  placesOf,
  readerOutputs,
  trainedReader,
} from './moduleAdapterCase.ts';
import { computesInSingle } from './precisionLaws.ts';
import { Reader, type ReaderInputs } from './reader.ts';

/**
 * What every method that changes no weight must obey, our own or yours, on a small causal model in f64: the base is left as it
 * is and comes back; the start, counts and randomness are as the traits say; gradients reach every parameter and equal
 * differences; in f32 it is close to that; rows of a batch do not know of each other, but where the trait says so; every option does
 * something; files keep it all.
 *
 * @example
 * import { promptTuningVariant } from '@lorikeet/peft-lora';
 * describeLaws('promptTuning', moduleAdapterLaws(promptTuningVariant), { describe, test });
 */
export function moduleAdapterLaws<Config>(variant: ModuleVariant<Config>): readonly Law[] {
  return [
    leavesTheBase(variant),
    startsAsItSays(variant),
    computesInSingle(variant),
    isMadeByItsKey(variant),
    countsItsParameters(variant),
    reachesItsParameters(variant),
    differentiates(variant),
    drawsOnlyInTraining(variant),
    readsRowsApart(variant),
    refusesToMerge(variant),
    heedsItsConfig(variant),
    ...(variant.peft === undefined ? [] : [survivesItsFile(variant)]),
  ];
}

/** Those of `moduleAdapterLaws` whose numbers are f32, for a backend without f64, where the others compute on the host. */
export function singleModuleAdapterLaws<Config>(variant: ModuleVariant<Config>): readonly Law[] {
  return [
    computesInSingle(variant),
    ...(variant.peft === undefined ? [] : [survivesItsFile(variant)]),
  ];
}

function leavesTheBase<C>(variant: ModuleVariant<C>): Law {
  const name = 'leaves every tensor of the base as it is, and gives them back when disabled';
  return moduleAdapterLaw(name, variant, async ({ model, inputs, trained }) => {
    const before = await readerOutputs(model, inputs);
    await readerOutputs(trained, inputs, 1);
    requireSame('the output of the model itself', await readerOutputs(model, inputs), before);
    const plain = disable(trained);
    requireSame('the output when disabled', await readerOutputs(plain, inputs), before);
    const found = new Map(paths(plain));
    const expected = paths(model);
    if (found.size !== expected.length) throw new Error(`${found.size} tensors are left`);
    const frozen = new Map(paths(partition(trained, isTrainable)[1]));
    for (const [path, leaf] of expected) {
      if (found.get(path) !== leaf) throw new Error(`another tensor at ${path}`);
      if (frozen.get(path) !== leaf)
        throw new Error(`the tensor at ${path} is not frozen in its place`);
    }
  });
}

function startsAsItSays<C>(variant: ModuleVariant<C>): Law {
  const name = 'starts as the base exactly where its trait says so';
  return moduleAdapterLaw(name, variant, async ({ model, inputs, method, fresh }) => {
    const [before, after] = [
      await readerOutputs(model, inputs),
      await readerOutputs(fresh, inputs),
    ];
    if (variant.traits.identityAtInit(method.config))
      requireClose('the first output', after, before, 1e-12);
    else if (after.length === before.length && after.every((value, i) => value === before[i]))
      throw new Error("the trait denies an identity, and the output is the base's");
  });
}

function isMadeByItsKey<C>(variant: ModuleVariant<C>): Law {
  return moduleAdapterLaw('is made by its key alone', variant, async ({ model, method }) => {
    const make = (seed: number): Promise<number[]> =>
      numbersIn(liveOf(adaptReader(model, method, seed)).map(([, leaf]) => leaf));
    requireSame('the same key', await make(1), await make(1));
  });
}

function countsItsParameters<C>(variant: ModuleVariant<C>): Law {
  const name = 'has as many parameters as its closed form says';
  return moduleAdapterLaw(name, variant, async ({ model, method, fresh }) => {
    const count = liveOf(fresh).reduce((sum, [, { size }]) => sum + size, 0);
    const { config, extra: loaded } = method;
    const places = placesOf(model, variant).map((path) => {
      const module: object = Object(at(model, path));
      return { path, module, config, loaded };
    });
    const expected = places.reduce(
      (sum, { module }) => sum + variant.traits.parameterCount(config, module),
      variant.traits.sharedParameterCount?.(config, places) ?? 0,
    );
    if (count !== expected) throw new Error(`${count} parameters instead of ${expected}`);
  });
}

function reachesItsParameters<C>(variant: ModuleVariant<C>): Law {
  const name = 'sends a gradient to each of its parameters, and trains nothing of the base';
  return moduleAdapterLaw(name, variant, async ({ model, inputs, trained, fresh }) => {
    const own = new Set(liveOf(trained).map(([, leaf]) => leaf));
    if (own.size === 0) throw new Error('nothing trains');
    for (const [path, leaf] of paths(model))
      if (own.has(leaf)) throw new Error(`the base trains at ${path}`);
    // A tensor without elements has nothing to train.
    const missed = new Set(liveOf(trained).flatMap(([path, { size }]) => (size > 0 ? [path] : [])));
    // A few units that are cut off by chance are none by other values.
    for (let seed = 70; seed < 78 && missed.size > 0; seed++) {
      const [live, frozen] = partition(await trainedReader(fresh, 10 * seed), isTrainable);
      const loss = (part: typeof live): Tensor => objective(combine(part, frozen), inputs);
      for (const [path, leaf] of paths(grad(loss)(live)))
        if ((await numbersIn([leaf])).some((value) => value !== 0)) missed.delete(path);
    }
    if (missed.size > 0) throw new Error(`no gradient reaches ${[...missed].join(', ')}`);
  });
}

function differentiates<C>(variant: ModuleVariant<C>): Law {
  const name = 'has gradients that equal differences';
  return moduleAdapterLaw(name, variant, async ({ inputs, trained }) => {
    const [live, frozen] = partition(trained, isTrainable);
    const direction = mapTree(live, (leaf) => noiseTensor(leaf.shape, leaf.size + 80));
    for (const context of [Context.evaluation, Context.training(randomKey(3))]) {
      const loss = (part: typeof live): Tensor => objective(combine(part, frozen), inputs, context);
      const products = zipTrees((g, d) => g.mul(d).sum(), grad(loss)(live), direction);
      const slopes = await Promise.all(
        paths(await evaluate(products)).map(([, leaf]) => leaf.item()),
      );
      const slope = slopes.reduce((sum, value) => sum + value, 0);
      // One program for all steps.
      const moved = compile((t: Tensor) =>
        loss(zipTrees((leaf, d) => leaf.add(d.mul(t)), live, direction)),
      );
      const along = async (t: number): Promise<number> =>
        (await moved(tensor(t, [], 'f64'))).item();
      await requireDerivative('the derivative', slope, along, 1e-6);
    }
  });
}

function drawsOnlyInTraining<C>(variant: ModuleVariant<C>): Law {
  const name = 'draws random numbers in training only, and only if its trait says so';
  return moduleAdapterLaw(name, variant, async ({ inputs, method, trained }) => {
    const evaluated = await readerOutputs(trained, inputs);
    const runs = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((seed) => readerOutputs(trained, inputs, seed)),
    );
    requireSame(
      'training with the same key',
      await readerOutputs(trained, inputs, 1),
      runs[0] ?? [],
    );
    const differs = runs.some((run) =>
      run.some((value, i) => Math.abs(value - (evaluated[i] ?? 0)) > 1e-9),
    );
    if (differs !== variant.traits.isStochastic(method.config))
      throw new Error(
        `training ${differs ? 'differs' : 'never differs'} from evaluation, which the trait denies`,
      );
  });
}

function readsRowsApart<C>(variant: ModuleVariant<C>): Law {
  const name =
    'gives for a batch what it gives for its rows one by one, but where its trait denies it';
  return moduleAdapterLaw(name, variant, async ({ inputs, method, trained }) => {
    const rows = await Promise.all([0, 1].map((row) => readerOutputs(trained, rowOf(inputs, row))));
    const [whole, apart] = [await readerOutputs(trained, inputs), rows.flat()];
    if (variant.traits.mixesRows?.(method.config) !== true)
      requireClose('the rows', whole, apart, 1e-10);
    else if (whole.every((value, i) => Math.abs(value - (apart[i] ?? 0)) < 1e-9))
      throw new Error('the trait says that rows mix, and they do not');
  });
}

function refusesToMerge<C>(variant: ModuleVariant<C>): Law {
  return moduleAdapterLaw('is refused by merge', variant, async ({ trained }) => {
    try {
      merge(trained);
    } catch (error) {
      if (isLorikeetError(error) && error.code === 'unsupported') return;
      throw error;
    }
    throw new Error('merge gives a model without the adapter');
  });
}

function heedsItsConfig<C>(variant: ModuleVariant<C>): Law {
  return law(
    'heeds every option of its config',
    fc.noShrink(fc.gen()),
    async (gen) => {
      const draw = fastCheckDraw(gen);
      const unheeded = new Set(
        Object.keys(variant.schema.shape).filter((field) => !isForFiles(variant, field)),
      );
      for (let tried = 0; tried < 60 && unheeded.size > 0; tried++) {
        const [one, other] = [variant.sample(draw), variant.sample(draw)];
        const before = await fingerprint(variant, one);
        for (const field of [...unheeded]) {
          const changed = { ...one, [field]: Reflect.get(other, field) };
          if ((await fingerprint(variant, changed)) !== before) unheeded.delete(field);
        }
      }
      if (unheeded.size > 0)
        throw new Error(`no change of ${[...unheeded].join(', ')} changed anything`);
    },
    2,
  );
}

/** A field that only a file has. */
function isForFiles<C>({ schema }: ModuleVariant<C>, field: string): boolean {
  const meta: unknown = Reflect.get(schema.shape, field);
  return typeof meta === 'object' &&
    meta !== null &&
    'meta' in meta &&
    typeof meta.meta === 'function'
    ? Reflect.get(Object(meta.meta()), 'isNote') === true
    : false;
}

async function fingerprint<C>(variant: ModuleVariant<C>, options: Partial<C>): Promise<string> {
  const method = moduleMethod(variant, options);
  const model = new Reader();
  const [place] = placesOf(model, variant);
  if (variant.refusal?.(method.config, Object(at(model, place ?? ''))) !== undefined)
    return 'refused';
  const fresh = adaptReader(model, method);
  const trained = await trainedReader(fresh);
  return JSON.stringify([
    await numbersIn(liveOf(fresh).map(([, leaf]) => leaf)),
    await readerOutputs(trained, labelledInputs),
    await readerOutputs(trained, labelledInputs, 3),
  ]);
}

function survivesItsFile<C>(variant: ModuleVariant<C>): Law {
  const name = 'gives the same after it was saved and loaded';
  return moduleAdapterLaw(name, variant, async ({ model, inputs, trained }) => {
    const [base, tuned] = [inSingle(model), inSingle(trained)];
    const { config, tensors } = encodeAdapter(tuned);
    const entries = await Promise.all(
      [...tensors].map(async ([key, leaf]) => {
        const data = Float32Array.from(await leaf.data());
        return [key, { dtype: 'F32' as const, shape: leaf.shape, data }] as const;
      }),
    );
    const file = await readSafetensors(bytesSource(encodeSafetensors(entries)));
    const text: unknown = JSON.parse(JSON.stringify(config));
    const options = { moduleVariants: [variant as ModuleVariant] };
    const loaded = await decodeAdapter(base, { config: text, tensors: file }, options);
    requireClose(
      'the output',
      await readerOutputs(loaded, inputs),
      await readerOutputs(tuned, inputs),
      1e-5,
    );
    const again = encodeAdapter(loaded);
    requireSame(
      'the tensors',
      await numbersIn([...again.tensors.values()]),
      await numbersIn([...tensors.values()]),
    );
    if (JSON.stringify(again.config) !== JSON.stringify(config))
      throw new Error(
        `the config is ${JSON.stringify(again.config)} instead of ${JSON.stringify(config)}`,
      );
  });
}

function liveOf(tuned: Reader): [string, Tensor][] {
  return paths(partition(tuned, isTrainable)[0]);
}

function rowOf(inputs: ReaderInputs, row: number): ReaderInputs {
  return mapTensors(inputs, (leaf) => sliceAxis(leaf, 0, row, 1));
}
