import { paths } from '@lorikeet/nn';
import { disable, type Variant } from '@lorikeet/peft-lora';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import {
  adaptAll,
  drawCase,
  numbersOf,
  outputsOf,
  settingsOf,
  split,
  weightsOf,
} from './adapterCase.ts';
import { numericalRank } from './numericalRank.ts';

/** The base under the adapter is made of the very tensors of the model, at the same paths. */
export function leavesTheBase<C>(variant: Variant<C>): Law {
  return law(
    'leaves every tensor of the base as it is, and gives them back when disabled',
    fc.gen(),
    async (gen) => {
      const { model, inputs, fresh, trained } = await drawCase(variant, fastCheckDraw(gen));
      const before = await outputsOf(model, inputs);
      await outputsOf(trained, inputs, 1);
      requireSame('the output of the model itself', await outputsOf(model, inputs), before);
      const expected = new Map(paths(model));
      for (const tuned of [fresh, trained]) {
        const found = paths(disable(tuned));
        if (found.length !== expected.size)
          throw new Error(`${found.length} tensors instead of ${expected.size}`);
        for (const [path, leaf] of found)
          if (expected.get(path) !== leaf) throw new Error(`another tensor at ${path}`);
      }
    },
  );
}

/** The trait tells the truth about the first values. */
export function startsAsItSays<C>(variant: Variant<C>): Law {
  return law('starts as the base exactly where its trait says so', fc.gen(), async (gen) => {
    const { model, inputs, fresh, method } = await drawCase(variant, fastCheckDraw(gen));
    const [base, adapted] = [await outputsOf(model, inputs), await outputsOf(fresh, inputs)];
    if (variant.traits.identityAtInit(method.config)) {
      requireClose('the first output', adapted, base, 1e-12);
    } else if (base.every((value, i) => value === adapted[i])) {
      throw new Error('the trait denies an identity, and the output is that of the base');
    }
  });
}

/** The update is of low rank, where the variant says so. */
export function keepsItsRank<C>(variant: Variant<C>): Law {
  return law('changes a weight by no more than its rank', fc.gen(), async (gen) => {
    const { model, trained } = await drawCase(variant, fastCheckDraw(gen));
    const [before, after] = [weightsOf(model), weightsOf(trained)];
    const settings = settingsOf(trained);
    for (const [i, weight] of after.entries()) {
      const bound = variant.traits.maxRank(settings[i]?.config as C);
      const base = before[i];
      if (bound === undefined || base === undefined) continue;
      const [rows = 1] = weight.shape;
      const rank = numericalRank(await numbersOf([weight.sub(base)]), rows);
      if (rank > bound)
        throw new Error(`the change of weight ${i} has rank ${rank}, above ${bound}`);
    }
  });
}

/** The closed form counts what trains. */
export function countsItsParameters<C>(variant: Variant<C>): Law {
  return law('has as many parameters as its closed form says', fc.gen(), async (gen) => {
    const { fresh } = await drawCase(variant, fastCheckDraw(gen));
    const [trainable] = split(fresh);
    const count = paths(trainable).reduce((sum, [, leaf]) => sum + leaf.size, 0);
    const expected = settingsOf(fresh).reduce(
      (sum, { config, shape }) => sum + variant.traits.parameterCount(config as C, shape),
      0,
    );
    if (count !== expected) throw new Error(`${count} parameters instead of ${expected}`);
  });
}

/** First values are a pure function of the key. */
export function followsItsKey<C>(variant: Variant<C>): Law {
  return law('is made by its key alone', fc.gen(), async (gen) => {
    const { model, method } = await drawCase(variant, fastCheckDraw(gen));
    const make = (seed: number): Promise<number[]> =>
      numbersOf(paths(split(adaptAll(model, method, { seed }))[0]).map(([, leaf]) => leaf));
    const [first, again, other] = [await make(1), await make(1), await make(2)];
    requireSame('the same key', again, first);
    const differs = other.some((value, i) => value !== first[i]);
    const claimed = variant.traits.isRandomAtInit(method.config);
    if (differs !== claimed)
      throw new Error(
        `the trait says ${claimed ? 'random' : 'not random'}, and another key gives ${differs ? 'another' : 'the same'} adapter`,
      );
  });
}
