import { LorikeetError, mapTensors } from '@lorikeet/tensor-core';
import { matcher, selectPaths } from '../select.ts';
import { combine, type Part, partition, paths } from '../tree.ts';
import type { Optimizer } from './optimizer.ts';

export interface ParameterGroup {
  /** Which parameters, by the paths of their tensors: `**.B`. */
  readonly select: string;
  readonly optimizer: Optimizer;
}

/**
 * Another optimiser for each group of parameters. The first group that matches takes a parameter.
 *
 * @throws LorikeetError `no-match` for a group without a parameter, and for a parameter without a group.
 */
export function parameterGroups(groups: readonly ParameterGroup[]): Optimizer<readonly unknown[]> {
  const matchers = groups.map(({ select }) => matcher(select));
  const groupOf = (path: string): number => matchers.findIndex((isMatch) => isMatch(path));
  const split = <T>(tree: T): Part<T>[] =>
    groups.map((_, i) => partition(tree, (_leaf, { path }) => groupOf(path) === i)[0]);

  return {
    init(parameters) {
      const all = paths(parameters).map(([path]) => path);
      for (const { select } of groups) selectPaths(select, all);
      const left = all.find((path) => groupOf(path) === -1);
      if (left !== undefined) {
        throw new LorikeetError('no-match', 'a parameter belongs to no group', {
          path: left,
          hint: "end the list with a group for '**'",
        });
      }
      return split(parameters).map((part, i) => groups[i]?.optimizer.init(part));
    },
    update(gradients, state, parameters) {
      const ofParameters = split(parameters);
      const results = split(gradients).map((part, i) => {
        const [group, own] = [groups[i], ofParameters[i]];
        if (group === undefined || own === undefined)
          throw new LorikeetError('internal', 'parameterGroups: a group is missing');
        return group.optimizer.update(part, state[i], own);
      });
      const [first, ...rest] = results.map(({ updates }) => updates);
      if (first === undefined) return { updates: mapTensors(gradients, (leaf) => leaf), state };
      const whole = rest.reduce(
        (sum: unknown, part) => combine(sum as Part<unknown>, part as Part<unknown>),
        first,
      );
      return { updates: whole as typeof gradients, state: results.map((result) => result.state) };
    },
  };
}
