import { applyUpdates, mapTree, type Optimizer, partition, paths, zipTrees } from '@lorikeet/nn';
import {
  abs,
  childrenOf,
  compile,
  isTreeNode,
  rebuild,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { optimizerLaw, valuesOf, walk } from './optimizerCase.ts';
import { requireSameTrees } from './stateLaws.ts';

const steps = [0, 1];

export function ignoresTheOrder(optimizer: Optimizer): Law {
  const name = 'does not depend on the order of parameters';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const expected = await valuesOf((await walk(drawn, drawn.parameters, steps)).parameters);
    const turned = await walk(drawn, reversed(drawn.parameters), steps);
    // Not to the last bit: what all parameters share is summed up in another order.
    for (const [path, values] of await valuesOf(turned.parameters))
      requireClose(path, values, expected.get(path) ?? [], 1e-5);
  });
}

export function treatsEachByItself(optimizer: Optimizer): Law {
  const name = 'treats a parameter as if it were alone';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const all = await valuesOf((await walk(drawn, drawn.parameters, steps)).parameters);
    for (const [chosen] of paths(drawn.parameters)) {
      const [only] = partition(drawn.parameters, (_, { path }) => path === chosen);
      const alone = await walk(drawn, only, steps);
      const values = (await valuesOf(alone.parameters)).get(chosen) ?? [];
      requireSame(chosen, values, all.get(chosen) ?? []);
    }
  });
}

export function restsWithoutGradient(optimizer: Optimizer): Law {
  const name = 'leaves parameters where they are while gradients are 0';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const flat = <T>(tree: T): T => mapTree(tree, (leaf) => zeros(leaf.shape, leaf.dtype));
    const after = await walk({ ...drawn, gradientsAt: flat }, drawn.parameters, steps);
    await requireSameTrees(after.parameters, drawn.parameters);
  });
}

export function isTheSameCompiled(optimizer: Optimizer): Law {
  return optimizerLaw('gives the same compiled, by one plan', optimizer, async (drawn) => {
    const plain = await walk(drawn, drawn.parameters, [0, 1, 2]);
    const run = compile(
      (parameters: typeof drawn.parameters, state: unknown, gradients: typeof drawn.parameters) =>
        optimizer.update(gradients, state, parameters),
    );
    let [parameters, state] = [drawn.parameters, optimizer.init(drawn.parameters)];
    for (const step of [0, 1, 2]) {
      const next = run(parameters, state, drawn.gradientsAt(parameters, step));
      [parameters, state] = [applyUpdates(parameters, next.updates), next.state];
    }
    await requireSameTrees({ parameters, state }, plain);
    if (run.planCount() !== 1) throw new Error(`there are ${run.planCount()} plans`);
  });
}

/** From a start at a distance of 1 to 3 in every coordinate, towards the least of a quadratic. */
export function descends(optimizer: Optimizer): Law {
  const name = 'goes down a convex quadratic with every parameter';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const { parameters } = drawn;
    const goal = mapTree(parameters, (leaf) => leaf.neg());
    const curvature = mapTree(parameters, ({ shape, dtype }) =>
      abs(noiseTensor(shape, 7)).cast(dtype),
    );
    const slope = <T>(now: T): T =>
      zipTrees((w, end, c) => w.sub(end).mul(c), now, goal, curvature);
    const height = (now: unknown) =>
      valuesOf(zipTrees((end, w, c) => w.sub(end).pow(2).mul(c).sum(), goal, now, curvature));
    const gradientsAt = <T>(now: T): T => slope(now);
    const end = await walk({ ...drawn, gradientsAt }, parameters, [...Array(20).keys()]);
    const [before, after] = [await height(parameters), await height(end.parameters)];
    for (const [path, [from = 0]] of before) {
      const [to = Number.NaN] = after.get(path) ?? [];
      if (from !== 0 && !(to < from)) throw new Error(`${path}: from ${from} to ${to}`);
    }
  });
}

/** With gradients whose squares f16 cannot hold, too small and too large. */
export function staysFiniteInHalf(optimizer: Optimizer): Law {
  const name = 'keeps f16 parameters finite';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const sizes = [1e-6, 0, 1e-3, 1, 1e4];
    const gradientsAt = <T>(tree: T, step: number): T =>
      mapTree(tree, ({ shape, size, dtype }) => {
        const values = Array.from(
          { length: size },
          (_, i) => sizes[(i + step) % sizes.length] ?? 0,
        );
        return tensor(values, shape, dtype);
      });
    const half = mapTree(drawn.parameters, (leaf) => leaf.cast('f16'));
    const { parameters } = await walk({ ...drawn, gradientsAt }, half, [0, 1, 2, 3]);
    for (const [path, values] of await valuesOf(parameters)) {
      const wrong = values.find((value) => !Number.isFinite(value));
      if (wrong !== undefined) throw new Error(`${path} holds ${wrong}`);
    }
  });
}

/** The same tree with the fields of every record the other way round. */
function reversed<T>(tree: T): T;
function reversed(tree: unknown): unknown {
  if (!isTreeNode(tree)) return tree;
  const children = childrenOf(tree).map(([name, child]) => [name, reversed(child)] as const);
  return rebuild(tree, Array.isArray(tree) ? children : children.toReversed());
}
