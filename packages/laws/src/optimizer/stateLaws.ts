import { combine, mapTree, type Optimizer, partition, paths } from '@lorikeet/nn';
import { compile, flattenTree, formatType, isInteger } from '@lorikeet/tensor-core';
import { requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { belongsTo, optimizerLaw, restored, stepOf, valuesOf, walk } from './optimizerCase.ts';

/** The state has places for parameters and counters, and they stay as they are. */
export function mirrorsParameters(optimizer: Optimizer): Law {
  const name =
    'keeps a state that mirrors the parameters, and neither its structure nor its types change';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const state = optimizer.init(drawn.parameters);
    const names = paths(drawn.parameters).map(([path]) => path);
    for (const [path, leaf] of paths(state)) {
      if (leaf.rank > 0 && !names.some((parameter) => belongsTo(path, parameter)))
        throw new Error(`${path} of the state belongs to no parameter`);
    }
    const after = await walk(drawn, drawn.parameters, [0, 1]);
    requireText('the state', describe(after.state), describe(state));
  });
}

export function givesUpdatesLikeParameters(optimizer: Optimizer): Law {
  const name = 'gives updates of the structure and the types of the parameters';
  return optimizerLaw(name, optimizer, async (drawn) => {
    for (const dtype of ['f16', 'bf16', 'f32', 'f64'] as const) {
      const parameters = mapTree(drawn.parameters, (leaf) => leaf.cast(dtype));
      const state = optimizer.init(parameters);
      const { updates } = stepOf(drawn, { parameters, state }, 0);
      requireText('updates', describe(updates), describe(parameters));
    }
  });
}

/** What a partition has taken out gets neither an update nor a state. */
export function leavesFrozenParameters(optimizer: Optimizer): Law {
  const name = 'keeps nothing for a frozen parameter, and leaves it as it is';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const isLive = ({ rank }: { readonly rank: number }, { path }: { readonly path: string }) =>
      path.startsWith('head.') ? path === 'head.weight' : rank !== 1;
    const [live, frozen] = partition(drawn.parameters, isLive);
    const state = optimizer.init(live);
    const next = stepOf(drawn, { parameters: live, state }, 0);
    requireText('updates', describe(next.updates), describe(live));
    for (const [parameter, before] of paths(frozen)) {
      const place = paths([state, next.state]).find(([path]) => belongsTo(path, parameter));
      if (place !== undefined) throw new Error(`the state holds ${place[0]} for ${parameter}`);
      const after = new Map(paths(combine(next.parameters, frozen))).get(parameter);
      if (after !== before) throw new Error(`${parameter} is another`);
    }
  });
}

export function countsSteps(optimizer: Optimizer): Law {
  return optimizerLaw('counts one more with every step', optimizer, async (drawn) => {
    for (const count of [0, 1, 3]) {
      const { state } = await walk(drawn, drawn.parameters, [...Array(count).keys()]);
      for (const [path, leaf] of paths(state)) {
        if (isInteger(leaf.dtype) && (path === 'step' || path.endsWith('.step')))
          requireSame(path, await leaf.data(), [count]);
      }
    }
  });
}

/** The state is all that an optimiser remembers. */
export function goesOnFromItsState(optimizer: Optimizer): Law {
  const name = 'goes on from a saved state as if it had not stopped';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const { parameters } = drawn;
    const half = await walk(drawn, parameters, [0, 1]);
    const straight = await walk(drawn, parameters, [2, 3], half);
    const start = {
      parameters: await restored(parameters, half.parameters),
      state: await restored(optimizer.init(parameters), half.state),
    };
    await requireSameTrees(await walk(drawn, parameters, [2, 3], start), straight);
  });
}

export function survivesDonation(optimizer: Optimizer): Law {
  const name = 'gives the same when the memory of parameters and state is given away';
  return optimizerLaw(name, optimizer, async (drawn) => {
    const expected = await walk(drawn, drawn.parameters, [0, 1, 2]);
    const before = await valuesOf(drawn.parameters);
    const take = (donate: readonly number[]) =>
      compile(
        (
          parameters: typeof drawn.parameters,
          state: unknown,
          gradients: typeof drawn.parameters,
        ) => {
          const given = { ...drawn, gradientsAt: <T>(_: T): T => gradients as T };
          const next = stepOf(given, { parameters, state }, 0);
          return { parameters: next.parameters, state: next.state };
        },
        { donate },
      );
    const onlyState = take([1]);
    onlyState(drawn.parameters, optimizer.init(drawn.parameters), drawn.parameters);
    for (const [path, values] of await valuesOf(drawn.parameters))
      requireSame(path, values, before.get(path) ?? []);

    const both = take([0, 1]);
    let now = {
      parameters: await restored(drawn.parameters, drawn.parameters),
      state: optimizer.init(drawn.parameters),
    };
    for (const step of [0, 1, 2]) {
      const gradients = drawn.gradientsAt(drawn.parameters, step);
      now = both(now.parameters, now.state, gradients);
    }
    await requireSameTrees(now, expected);
  });
}

/** Structure and types, to be compared. */
function describe(tree: unknown): string {
  const types = paths(tree).map(([path, { type }]) => `${path} ${formatType(type)}`);
  return `${types.join(', ')} in ${flattenTree(tree).structure.key}`;
}

function requireText(what: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}

export async function requireSameTrees(actual: unknown, expected: unknown): Promise<void> {
  const [found, wanted] = [await valuesOf(actual), await valuesOf(expected)];
  requireText('tensors', [...found.keys()].join(', '), [...wanted.keys()].join(', '));
  for (const [path, values] of found) requireSame(path, values, wanted.get(path) ?? []);
}
