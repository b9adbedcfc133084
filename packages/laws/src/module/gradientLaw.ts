import { combine, mapTree, type Part, partition, paths, zipTrees } from '@lorikeet/nn';
import { compile, evaluate, grad, isFloat, type Tensor, tensor } from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';
import { requireDerivative } from '../numericalDerivative.ts';
import { type CallableModule, contextOf, type ModuleCase } from './moduleCase.ts';

/**
 * The derivative of a random projection of the output along a random direction of each tensor of the module
 * and of its input: one by one, so that no error hides behind another.
 */
export async function differentiates(given: ModuleCase<CallableModule>): Promise<void> {
  const [live, fixed] = partition(given, (leaf) => isFloat(leaf.dtype));
  let count = 20;
  const direction = mapTree(live, (leaf) => noiseTensor(leaf.shape, count++));
  for (const seed of [undefined, 1]) {
    const loss = (part: Part<typeof given>): Tensor => {
      const { module, x } = combine(part, fixed);
      const output = module.call(x, contextOf(seed));
      return output.mul(noiseTensor(output.shape, 11)).sum();
    };
    const products = zipTrees((g, d) => g.mul(d).sum(), grad(loss)(live), direction);
    // One program for all parameters and all steps.
    const moved = compile((along: typeof direction, t: Tensor) =>
      loss(zipTrees((leaf, d) => leaf.add(d.mul(t)), live, along)),
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
}
