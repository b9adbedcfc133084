import { Context, combine, paths, zipTrees } from '@lorikeet/nn';
import type { Variant } from '@lorikeet/peft-lora';
import { full, grad, type Tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { numericalDerivative } from '../numericalDerivative.ts';
import { type AdapterCase, drawCase, numbersOf, outputsOf, split } from './adapterCase.ts';
import { numbers, type Probe } from './probe.ts';

/** Every parameter is live, and the base is not among them. */
export function reachesItsParameters<C>(variant: Variant<C>): Law {
  return law(
    'sends a gradient to each of its parameters, and trains nothing of the base',
    fc.gen(),
    async (gen) => {
      const { model, trained, inputs } = await drawCase(variant, fastCheckDraw(gen));
      const [trainable, frozen] = split(trained);
      const own = new Set(paths(trainable).map(([, leaf]) => leaf));
      if (own.size === 0) throw new Error('nothing trains');
      for (const [path, leaf] of paths(model))
        if (own.has(leaf)) throw new Error(`the base trains at ${path}`);
      const gradient = grad((live: typeof trainable) => objective(combine(live, frozen), inputs))(
        trainable,
      );
      for (const [path, leaf] of paths(gradient)) {
        if ((await numbersOf([leaf])).every((value) => value === 0))
          throw new Error(`no gradient reaches ${path}`);
      }
    },
  );
}

/** The derivative is right. */
export function differentiates<C>(variant: Variant<C>): Law {
  return law('has gradients that equal differences', fc.gen(), async (gen) => {
    const { trained, inputs } = await drawCase(variant, fastCheckDraw(gen));
    const [trainable, frozen] = split(trained);
    const loss = (live: typeof trainable): Tensor => objective(combine(live, frozen), inputs);
    const gradient = grad(loss)(trainable);
    const direction = zipTrees((leaf) => numbers(leaf.shape, leaf.size + 80), trainable);
    const products = paths(zipTrees((g, d) => g.mul(d).sum(), gradient, direction)).map(
      ([, leaf]) => leaf,
    );
    const along = (await numbersOf(products)).reduce((sum, value) => sum + value, 0);
    const difference = await numericalDerivative(
      async (t) =>
        await loss(zipTrees((leaf, d) => leaf.add(d.mul(t)), trainable, direction)).item(),
    );
    requireClose('the derivative along a direction', [along], [difference], 1e-6);
  });
}

/** Randomness belongs to training, and to the key. */
export function drawsOnlyInTraining<C>(variant: Variant<C>): Law {
  return law(
    'draws random numbers in training only, and only if its trait says so',
    fc.gen(),
    async (gen) => {
      const { trained, inputs, method } = await drawCase(variant, fastCheckDraw(gen));
      const evaluated = await outputsOf(trained, inputs);
      requireSame('evaluating again', await outputsOf(trained, inputs), evaluated);
      const runs = await Promise.all(
        [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => outputsOf(trained, inputs, seed)),
      );
      requireSame('training with the same key', await outputsOf(trained, inputs, 1), runs[0] ?? []);
      const differs = runs.some((run) =>
        run.some((value, i) => Math.abs(value - (evaluated[i] ?? 0)) > 1e-9),
      );
      const claimed = variant.traits.isStochastic(method.config);
      // A table of rows has no input whose elements could be dropped.
      if (differs && !claimed)
        throw new Error('training differs from evaluation, which the trait denies');
      if (!differs && claimed && hasMatrix({ trained }))
        throw new Error('training never differs from evaluation, which the trait claims');
    },
  );
}

function hasMatrix({ trained }: Pick<AdapterCase<unknown>, 'trained'>): boolean {
  return [trained.first, trained.rest[0].second].some(({ site }) => site.kind !== 'embedding');
}

function objective(model: Probe, inputs: readonly Tensor[]): Tensor {
  const outputs = model.call(inputs, Context.evaluation);
  const terms = outputs.map((output, i) => output.mul(numbers(output.shape, 90 + i)).sum());
  return terms.reduce((sum, term) => sum.add(term), full([], 0, 'f64'));
}
