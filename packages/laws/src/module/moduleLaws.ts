import { Context, mapTree, paths, zipTrees } from '@lorikeet/nn';
import {
  compile,
  type Draw,
  evaluate,
  full,
  grad,
  isFloat,
  randomKey,
  type Shape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { requireClose, requireSame } from '../closeness.ts';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { noise } from '../noise.ts';
import { numericalDerivative } from '../numericalDerivative.ts';

/** A module whose `call` takes one tensor. */
export interface CallableModule {
  call(x: Tensor, context: Context): Tensor;
}

export interface ModuleLawOptions {
  /** A module, drawn: its sizes may vary. */
  readonly make: (draw: Draw) => CallableModule;
  /** Shape of an input for the module; the first axis is the batch. */
  readonly input: (draw: Draw, module: CallableModule) => Shape;
  /** Indices below this instead of numbers, for a module that looks up rows. */
  readonly indicesBelow?: (module: CallableModule) => number;
}

/**
 * What every module must obey.
 *
 * - Evaluation is repeatable, changes nothing, and is the same when it is compiled.
 * - Training repeats with the same key.
 * - Derivatives by every tensor of the module equal differences in f64, within 1e-6.
 * - A batch gives what its rows give one by one.
 *
 * @example
 * const laws = moduleLaws({ make: () => Linear.init({ inFeatures: 3, outFeatures: 2 }, randomKey(1)), input: (draw) => [draw.integer(1, 3), 3] });
 * describeLaws('Linear', laws, { describe, test });
 */
export function moduleLaws(options: ModuleLawOptions): readonly Law[] {
  const check = (name: string, holds: (drawn: Drawn) => Promise<void>): Law =>
    law(
      name,
      fc.gen(),
      async (gen) => await holds(await drawModule(options, fastCheckDraw(gen))),
      15,
    );
  return [
    check('gives the same output again, and is not changed by it', async ({ module, x }) => {
      const leaves = paths(module).map(([, leaf]) => leaf);
      const first = await outputOf(module, x);
      requireSame('the second output', await outputOf(module, x), first);
      if (paths(module).some(([, leaf], i) => leaf !== leaves[i]))
        throw new Error('a tensor of the module is another');
    }),
    check('gives the same output compiled', async ({ module, x }) => {
      const run = compile((m: CallableModule, input: Tensor) => m.call(input, Context.evaluation));
      requireSame('the output', await run(module, x).data(), await outputOf(module, x));
    }),
    check('gives the same output in training for the same key', async ({ module, x }) => {
      const train = async (seed: number): Promise<Numbers> =>
        await module.call(x, Context.training(randomKey(seed))).data();
      requireSame('the output', await train(1), await train(1));
    }),
    check('has gradients that equal differences', differentiates),
    check('gives for a batch what it gives for its rows', async ({ module, x }) => {
      const [rows = 0] = x.shape;
      const data = await x.data();
      const size = rows === 0 ? 0 : data.length / rows;
      const single = Array.from(
        { length: rows },
        async (_, i) =>
          await outputOf(
            module,
            tensor(data.slice(i * size, (i + 1) * size), [1, ...x.shape.slice(1)], x.dtype),
          ),
      );
      const joined = (await Promise.all(single)).flatMap((row) => [...row]);
      requireClose('the output', await outputOf(module, x), joined, 1e-12);
    }),
  ];
}

interface Drawn {
  readonly module: CallableModule;
  readonly x: Tensor;
}

type Numbers = Iterable<number> & ArrayLike<number>;

async function drawModule(
  { make, input, indicesBelow }: ModuleLawOptions,
  draw: Draw,
): Promise<Drawn> {
  const single = await evaluate(make(draw));
  const module = mapTree(single, (leaf) => (isFloat(leaf.dtype) ? leaf.cast('f64') : leaf));
  const shape = input(draw, module);
  const size = shape.reduce((product, side) => product * side, 1);
  const bound = indicesBelow?.(module);
  if (bound === undefined)
    return { module, x: tensor(Float64Array.from(noise(3, size)), shape, 'f64') };
  return {
    module,
    x: tensor(
      Int32Array.from({ length: size }, (_, i) => (7 * i + 1) % bound),
      shape,
      'i32',
    ),
  };
}

async function outputOf(module: CallableModule, x: Tensor): Promise<Numbers> {
  return await module.call(x, Context.evaluation).data();
}

async function differentiates({ module, x }: Drawn): Promise<void> {
  const like = (leaf: Tensor, seed: number): Tensor =>
    tensor(Float64Array.from(noise(seed, leaf.size)), leaf.shape, 'f64');
  const loss = (m: CallableModule): Tensor => {
    const output = m.call(x, Context.evaluation);
    return output.mul(like(output, 11)).sum();
  };
  let seed = 20;
  const direction = mapTree(module, (leaf) => like(leaf, seed++));
  const terms = paths(zipTrees((g, d) => g.mul(d).sum(), grad(loss)(module), direction)).map(
    ([, term]) => term,
  );
  const along = await terms.reduce((sum, term) => sum.add(term), full([], 0, 'f64')).item();
  const difference = await numericalDerivative(
    async (t) => await loss(zipTrees((leaf, d) => leaf.add(d.mul(t)), module, direction)).item(),
  );
  requireClose('the derivative along a direction', [along], [difference], 1e-6);
}
