import { applyUpdates, mapTree, type Optimizer, paths } from '@lorikeet/nn';
import {
  type Draw,
  type DType,
  evaluate,
  type Shape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { noiseTensor } from '../noise.ts';

/** What an optimiser of the laws works on: a head that is always there, and layers of any shapes. */
interface Parameters {
  readonly head: { readonly weight: Tensor; readonly bias: Tensor };
  readonly layers: readonly {
    readonly name: string;
    readonly kernel: Tensor | null;
    readonly scale: Tensor | null;
  }[];
}

export interface OptimizerCase {
  readonly optimizer: Optimizer;
  readonly parameters: Parameters;
  /** The gradients of a step, for parameters of such a structure. */
  readonly gradientsAt: <T>(parameters: T, step: number) => T;
}

/** Parameters and gradients in f32 or f64. */
function drawCase(optimizer: Optimizer, draw: Draw): OptimizerCase {
  const dtype = draw.pick<DType>(['f32', 'f64']);
  const seed = draw.integer(0, 1000);
  let count = seed;
  const random = (shape: Shape): Tensor => noiseTensor(shape, count++).cast(dtype);
  const layers = Array.from({ length: draw.integer(0, 2) }, () => ({
    name: draw.pick(['dense', 'norm']),
    kernel: random(draw.shape({ maxSide: 3 })),
    scale: draw.boolean() ? random(draw.shape({ maxRank: 1 })) : null,
  }));
  const parameters = { head: { weight: random([2, 3]), bias: random([2]) }, layers };
  return {
    optimizer,
    parameters,
    gradientsAt: (tree, step) =>
      mapTree(tree, ({ shape, dtype: own }, path) =>
        noiseTensor(shape, seedOf(`${seed} ${step} ${path.join('.')}`)).cast(own),
      ),
  };
}

/** A law over random parameters. */
export function optimizerLaw(
  name: string,
  optimizer: Optimizer,
  holds: (drawn: OptimizerCase) => Promise<void>,
): Law {
  const cases = fc.gen().map((gen) => {
    const drawn = drawCase(optimizer, fastCheckDraw(gen));
    const shown = (): string =>
      paths(drawn.parameters)
        .map(([path, x]) => `${path}: ${x}`)
        .join('\n');
    return { ...drawn, [fc.toStringMethod]: shown };
  });
  const concrete = async (drawn: OptimizerCase): Promise<void> =>
    holds({ ...drawn, parameters: await evaluate(drawn.parameters) });
  return law(name, cases, concrete, 12);
}

/** Parameters and state between two steps. */
export interface Moment<T> {
  readonly parameters: T;
  readonly state: unknown;
}

/** One step: the next parameters and state, and what was added. */
export function stepOf<T>(
  { optimizer, gradientsAt }: OptimizerCase,
  { parameters, state }: Moment<T>,
  step: number,
): Moment<T> & { readonly updates: T } {
  const next = optimizer.update(gradientsAt(parameters, step), state, parameters);
  return {
    parameters: applyUpdates(parameters, next.updates),
    state: next.state,
    updates: next.updates,
  };
}

/** Parameters and state after some steps, from `start` or from the beginning. */
export async function walk<T>(
  drawn: OptimizerCase,
  parameters: T,
  steps: readonly number[],
  start: Moment<T> = { parameters, state: drawn.optimizer.init(parameters) },
): Promise<Moment<T>> {
  let now = start;
  for (const step of steps) {
    const next = stepOf(drawn, now, step);
    now = await evaluate({ parameters: next.parameters, state: next.state });
  }
  return now;
}

/** The elements of every tensor of a tree, by its path. */
export async function valuesOf(tree: unknown): Promise<Map<string, readonly number[]>> {
  const leaves = paths(await evaluate(tree));
  return new Map(
    await Promise.all(
      leaves.map(async ([path, leaf]) => [path, [...(await leaf.data())]] as const),
    ),
  );
}

/** Whether a leaf of a state is there for the parameter at a path: holds its names in a row. */
export function belongsTo(leaf: string, parameter: string): boolean {
  return `.${leaf}.`.includes(`.${parameter}.`);
}

/** Copies of the tensors of `tree` in the places of those of `like`, as when a file is read. */
export async function restored<T>(like: T, tree: unknown): Promise<T> {
  const values = await valuesOf(tree);
  return mapTree(like, ({ shape, dtype }, path) => {
    const found = values.get(path.join('.'));
    if (found === undefined) throw new Error(`the state has lost ${path.join('.')}`);
    return tensor([...found], shape, dtype);
  });
}

function seedOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return hash;
}
