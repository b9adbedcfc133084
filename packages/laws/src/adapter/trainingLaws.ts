import { at, Context, combine, isAdaptable, mapTree, paths, zipTrees } from '@lorikeet/nn';
import type { Variant } from '@lorikeet/peft-lora';
import {
  compile,
  div,
  evaluate,
  full,
  grad,
  randomKey,
  sqrt,
  square,
  stopped,
  substitute,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { requireDerivative } from '../numericalDerivative.ts';
import { adapterLaw, numbersOf, outputsOf, split } from './adapterCase.ts';
import type { Probe } from './probe.ts';

/** Every parameter is live, in evaluation, or in training where that draws numbers, and the base is not among them. */
export function reachesItsParameters<C>(variant: Variant<C>): Law {
  const name = 'sends a gradient to each of its parameters, and trains nothing of the base';
  return adapterLaw(name, variant, async ({ model, trained, inputs, method }) => {
    const [trainable, frozen] = split(trained);
    const own = new Set(paths(trainable).map(([, leaf]) => leaf));
    if (own.size === 0) throw new Error('nothing trains');
    for (const [path, leaf] of paths(model))
      if (own.has(leaf)) throw new Error(`the base trains at ${path}`);
    const unreached = async (context: Context): Promise<string[]> => {
      const loss = (live: typeof trainable): Tensor =>
        objective(combine(live, frozen), inputs, context);
      const isZero = paths(grad(loss)(trainable)).map(async ([path, leaf]) =>
        (await numbersOf([leaf])).every((value) => value === 0) ? [path] : [],
      );
      return (await Promise.all(isZero)).flat();
    };
    const missed = await unreached(Context.evaluation);
    if (missed.length === 0) return;
    const isDrawn = variant.traits.isStochastic(method.config);
    const never = new Set(isDrawn ? await unreached(Context.training(randomKey(3))) : missed);
    for (const path of missed) if (never.has(path)) throw new Error(`no gradient reaches ${path}`);
  });
}

/** The derivative by each parameter is right, in evaluation and in training. */
export function differentiates<C>(variant: Variant<C>): Law {
  return adapterLaw(
    'has gradients that equal differences',
    variant,
    async ({ trained, inputs, method }) => {
      const [trainable, frozen] = split(trained);
      const anywhere = mapTree(trainable, (leaf) => noiseTensor(leaf.shape, leaf.size + 80));
      const isProjected = variant.traits.projectsGradients?.(method.config) === true;
      for (const context of [Context.evaluation, Context.training(randomKey(3))]) {
        const loss = (live: typeof trainable): Tensor =>
          objective(combine(live, frozen), inputs, context);
        const slopes = await evaluate(grad(loss)(trainable));
        // Along itself the projection of a derivative is as steep as the derivative.
        const direction = isProjected ? await evaluate(mapTree(slopes, unit)) : anywhere;
        const products = zipTrees((g, d) => g.mul(d).sum(), slopes, direction);
        const hold = variant.traits.holdsConstants?.(method.config, context.isTraining)
          ? await holding(loss(trainable))
          : (value: Tensor): Tensor => value;
        // One program for all parameters and all steps.
        const moved = compile((along: typeof direction, t: Tensor) =>
          hold(loss(zipTrees((leaf, d) => leaf.add(d.mul(t)), trainable, along))),
        );
        for (const [path, slope] of paths(await evaluate(products))) {
          const only = await evaluate(
            mapTree(direction, (leaf, at) => (at.join('.') === path ? leaf : leaf.mul(0))),
          );
          const at = async (t: number): Promise<number> =>
            (await moved(only, tensor(t, [], 'f64'))).item();
          await requireDerivative(`the derivative by ${path}`, await slope.item(), at, 1e-6);
        }
      }
    },
  );
}

function unit(x: Tensor): Tensor {
  return div(x, sqrt(square(x).sum()));
}

/** Makes a function vary as its derivative sees it: what `stopGradient` gives stays as it is in `origin`. */
async function holding(origin: Tensor): Promise<(value: Tensor) => Tensor> {
  const constants = stopped([origin]);
  if (constants.length === 0) throw new Error('the trait claims constants, and there are none');
  const held = await evaluate(constants.map((constant) => constant.mul(1)));
  return (value) => {
    const found = stopped([value]);
    if (found.length !== held.length) throw new Error('another graph for other values');
    const replaced = new Map(found.map((constant, i) => [constant, held[i] ?? constant]));
    return substitute([value], replaced)[0] ?? value;
  };
}

/** Randomness belongs to training, and to the key. */
export function drawsOnlyInTraining<C>(variant: Variant<C>): Law {
  const name = 'draws random numbers in training only, and only if its trait says so';
  return adapterLaw(name, variant, async ({ trained, inputs, method }) => {
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
    if (differs && !claimed)
      throw new Error('training differs from evaluation, which the trait denies');
    // A table of rows has no input whose elements could be dropped.
    if (!differs && claimed && !trained.adapted.every((path) => isTable(at(trained, path))))
      throw new Error('training never differs from evaluation, which the trait claims');
  });
}

function isTable(module: unknown): boolean {
  return isAdaptable(module) && module.site.kind === 'embedding';
}

/** A scalar on which every output has its own slope. */
export function objective(
  model: Probe,
  inputs: readonly Tensor[],
  context: Context = Context.evaluation,
): Tensor {
  const outputs = model.call(inputs, context);
  const terms = outputs.map((output, i) =>
    output.mul(noiseTensor(output.shape, 90 + i).cast(output.dtype)).sum(),
  );
  return terms.reduce((sum, term) => sum.add(term), full([], 0, terms[0]?.dtype ?? 'f64'));
}
