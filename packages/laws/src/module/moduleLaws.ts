import { Context, paths } from '@lorikeet/nn';
import { compile, evaluate, type Tensor, tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { differentiates } from './gradientLaw.ts';
import {
  type CallableModule,
  type ModuleCase,
  type ModuleSource,
  moduleCases,
  outputOf,
} from './moduleCase.ts';

export interface ModuleLawOptions<M extends CallableModule> extends ModuleSource<M> {
  /** Whether a call in training differs from one in evaluation, as with dropout or with statistics of a batch. Defaults to never. */
  readonly isStochastic?: (module: M) => boolean;
}

/**
 * What every module must obey. Its floating-point tensors are taken in f64.
 *
 * - Evaluation is repeatable, changes nothing, and is the same when it is compiled.
 * - Training repeats with the same key, and is evaluation unless the module is stochastic.
 * - Derivatives by the input and by every floating-point tensor of the module equal differences in f64,
 *   within 1e-6, in evaluation and in training.
 * - A batch gives what its rows give one by one.
 *
 * @example
 * const laws = moduleLaws({ make: () => Linear.init({ inFeatures: 3, outFeatures: 2 }, randomKey(1)), input: (draw) => [draw.integer(1, 3), 3] });
 * describeLaws('Linear', laws, { describe, test });
 */
export function moduleLaws<M extends CallableModule>(options: ModuleLawOptions<M>): readonly Law[] {
  const check = (name: string, holds: (drawn: ModuleCase<M>) => Promise<void>): Law =>
    law(name, moduleCases(options), async (drawn) => holds(await evaluate(drawn)), 15);
  return [
    check('gives the same output again, and is not changed by it', async ({ module, x }) => {
      const leaves = paths(module);
      const values = await Promise.all(leaves.map(async ([, leaf]) => (await leaf.data()).slice()));
      const first = await outputOf(module, x);
      requireSame('the second output', await outputOf(module, x), first);
      await outputOf(module, x, 1);
      const after = paths(module);
      if (after.some(([path, leaf], i) => path !== leaves[i]?.[0] || leaf !== leaves[i]?.[1]))
        throw new Error('a tensor of the module is another');
      for (const [i, [path, leaf]] of leaves.entries())
        requireSame(path, await leaf.data(), values[i] ?? []);
    }),
    check('gives the same output compiled', async ({ module, x }) => {
      const run = compile((m: M, input: Tensor) => m.call(input, Context.evaluation));
      requireSame('the output', await run(module, x).data(), await outputOf(module, x));
    }),
    check('draws random numbers in training only, by its key', async ({ module, x }) => {
      const evaluated = await outputOf(module, x);
      const runs = await Promise.all([1, 2, 3, 4].map((seed) => outputOf(module, x, seed)));
      requireSame('training with the same key', await outputOf(module, x, 1), runs[0] ?? []);
      if (options.isStochastic?.(module) !== true) {
        requireSame('the output in training', runs[0] ?? [], evaluated);
        return;
      }
      const isSame = (run: ArrayLike<number>): boolean =>
        evaluated.every((value, i) => value === run[i]);
      if (runs.every(isSame)) throw new Error('training never differs from evaluation');
    }),
    check('has gradients that equal differences', differentiates),
    check('gives for a batch what it gives for its rows', givesRows),
  ];
}

async function givesRows({ module, x }: ModuleCase<CallableModule>): Promise<void> {
  const [rows = 0] = x.shape;
  const data = await x.data();
  const size = rows === 0 ? 0 : data.length / rows;
  const single = Array.from({ length: rows }, (_, i) => {
    const row = data.slice(i * size, (i + 1) * size);
    return outputOf(module, tensor(row, [1, ...x.shape.slice(1)], x.dtype));
  });
  const joined = (await Promise.all(single)).flat();
  requireClose('the output', await outputOf(module, x), joined, 1e-12);
}
