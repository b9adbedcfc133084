import { paths } from '@lorikeet/nn';
import { disable, type Variant } from '@lorikeet/peft-lora';
import { dot, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import {
  adaptAll,
  adapterLaw,
  numbersOf,
  outputsByPart,
  outputsOf,
  settingsOf,
  split,
  weightsOf,
} from './adapterCase.ts';
import { numericalRank } from './numericalRank.ts';

/** The base under the adapter is made of the very tensors of the model, at the same paths. */
export function leavesTheBase<C>(variant: Variant<C>): Law {
  const name = 'leaves every tensor of the base as it is, and gives them back when disabled';
  return adapterLaw(name, variant, async ({ model, inputs, fresh, trained }) => {
    const before = await outputsOf(model, inputs);
    await outputsOf(trained, inputs);
    await outputsOf(trained, inputs, 1);
    requireSame('the output of the model itself', await outputsOf(model, inputs), before);
    const expected = new Map(paths(model));
    for (const tuned of [fresh, trained]) {
      const found = paths(disable(tuned));
      if (found.length !== expected.size)
        throw new Error(`${found.length} tensors instead of ${expected.size}`);
      for (const [path, leaf] of found)
        if (expected.get(path) !== leaf) throw new Error(`another tensor at ${path}`);
      const frozen = new Set(paths(split(tuned)[1]).map(([, leaf]) => leaf));
      for (const [path, leaf] of expected)
        if (!frozen.has(leaf)) throw new Error(`the tensor at ${path} is not among the frozen`);
    }
  });
}

/** The trait tells the truth about the first values, in every place. */
export function startsAsItSays<C>(variant: Variant<C>): Law {
  const name = 'starts as the base exactly where its trait says so';
  return adapterLaw(name, variant, async ({ model, inputs, fresh }) => {
    const [base, adapted] = [
      await outputsByPart(model, inputs),
      await outputsByPart(fresh, inputs),
    ];
    for (const [i, { path, config }] of settingsOf(fresh).entries()) {
      const [before, after] = [base[i] ?? [], adapted[i] ?? []];
      if (variant.traits.identityAtInit(config as C))
        requireClose(`the first output of ${path}`, after, before, 1e-12);
      else if (before.every((value, j) => value === after[j]))
        throw new Error(`the trait denies an identity, and the output of ${path} is the base's`);
    }
  });
}

/** The update is of low rank, where the variant says so. */
export function keepsItsRank<C>(variant: Variant<C>): Law {
  const name = 'changes a weight by no more than its rank';
  return adapterLaw(name, variant, async ({ model, trained }) => {
    const [before, after] = [weightsOf(model), weightsOf(trained)];
    for (const [i, { config, path, site }] of settingsOf(trained).entries()) {
      const bound = variant.traits.maxRank(config as C);
      const [base, weight] = [before[i], after[i]];
      if (bound === undefined || base === undefined || weight === undefined) continue;
      const change = weight.sub(base);
      const matrices = site.kind === 'experts' ? matricesOf(change) : [change];
      for (const matrix of matrices) {
        const rank = numericalRank(await numbersOf([matrix]), matrix.shape[0] ?? 1);
        if (rank > bound)
          throw new Error(`the change of the weight at ${path} has rank ${rank}, above ${bound}`);
      }
    }
  });
}

/** Rotations and reflections of inputs, and scales of outputs, leave the cosines of rows, but for signs. */
export function keepsItsAngles<C>(variant: Variant<C>): Law {
  const name = 'keeps the angles between the rows of a weight, where its trait says so';
  return adapterLaw(name, variant, async ({ model, trained }) => {
    const [before, after] = [weightsOf(model), weightsOf(trained)];
    for (const [i, { config, path, site }] of settingsOf(trained).entries()) {
      const [base, weight] = [before[i], after[i]];
      if (variant.traits.keepsAngles?.(config as C) !== true) continue;
      if (base === undefined || weight === undefined) continue;
      const cosines = (matrix: Tensor): Promise<number[]> => {
        const isTurned = site.kind === 'linear' && site.inputAxis === 0;
        const rows = isTurned ? matrix.permute([1, 0]) : matrix;
        const flat = rows.reshape([rows.shape[0] ?? 1, -1]);
        const unit = flat.div(flat.mul(flat).sum(-1, { keepAxes: true }).pow(0.5));
        return numbersOf([dot(unit, unit, { contract: [[1], [1]] })]);
      };
      const absolute = (values: readonly number[]): number[] => values.map(Math.abs);
      requireClose(
        `the cosines of ${path}`,
        absolute(await cosines(weight)),
        absolute(await cosines(base)),
        1e-9,
      );
    }
  });
}

/** The closed form counts what trains. */
export function countsItsParameters<C>(variant: Variant<C>): Law {
  const name = 'has as many parameters as its closed form says';
  return adapterLaw(name, variant, async ({ fresh, method }) => {
    const [trainable] = split(fresh);
    const count = paths(trainable).reduce((sum, [, leaf]) => sum + leaf.size, 0);
    const places = settingsOf(fresh);
    const own = places.reduce(
      (sum, { config, shape }) => sum + variant.traits.parameterCount(config as C, shape),
      0,
    );
    const shapes = places.map(({ shape }) => shape);
    const expected = own + (variant.traits.sharedParameterCount?.(method.config, shapes) ?? 0);
    if (count !== expected) throw new Error(`${count} parameters instead of ${expected}`);
  });
}

/** First values are a pure function of the key. */
export function followsItsKey<C>(variant: Variant<C>): Law {
  return adapterLaw('is made by its key alone', variant, async ({ model, method }) => {
    const make = (seed: number): Promise<number[]> =>
      numbersOf(paths(split(adaptAll(model, method, { seed }))[0]).map(([, leaf]) => leaf));
    const [first, again, other] = [await make(1), await make(1), await make(2)];
    requireSame('the same key', again, first);
    const differs = other.some((value, i) => value !== first[i]);
    const claimed = variant.traits.isRandomAtInit(method.config);
    if (differs === claimed) return;
    const [says, gives] = [claimed ? 'random' : 'not random', differs ? 'another' : 'the same'];
    throw new Error(`the trait says ${says}, and another key gives ${gives} adapter`);
  });
}

/** The matrix of each expert. */
function matricesOf(weight: Tensor): Tensor[] {
  const [experts = 0, ...sides] = weight.shape;
  return Array.from({ length: experts }, (_, i) => sliceAxis(weight, 0, i, 1).reshape(sides));
}
