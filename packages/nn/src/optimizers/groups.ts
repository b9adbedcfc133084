import { LorikeetError, mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { matcher, selectPaths } from '../select.ts';
import { combine, type Part, type Place, partition, paths } from '../tree.ts';
import { jointMeasures, type Optimizer } from './optimizer.ts';

export interface ParameterGroup {
  /**
   * Which parameters: by the paths of their tensors, `**.B`, or by any fact. A path must match something; a fact may hold
   * for none, and must be the same for a parameter and for its gradient.
   */
  readonly select: string | ((leaf: Tensor, place: Place) => boolean);
  readonly optimizer: Optimizer;
}

/**
 * Another optimiser for each group of parameters. The first group that matches takes a parameter.
 *
 * @throws LorikeetError `no-match` for a group without a parameter, and for a parameter without a group.
 */
export function parameterGroups(groups: readonly ParameterGroup[]): Optimizer<readonly unknown[]> {
  const predicates = groups.map(({ select }) => predicateOf(select));
  const groupOf = (leaf: Tensor, place: Place): number =>
    predicates.findIndex((isMatch) => isMatch(leaf, place));
  const split = <T>(tree: T): Part<T>[] =>
    groups.map((_, i) => partition(tree, (leaf, place) => groupOf(leaf, place) === i)[0]);

  return {
    init(parameters) {
      const all = paths(parameters).map(([path]) => path);
      for (const { select } of groups) if (typeof select === 'string') selectPaths(select, all);
      const [first] = paths(partition(parameters, (leaf, place) => groupOf(leaf, place) === -1)[0]);
      if (first !== undefined) {
        const [left] = first;
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
    measures: (state) =>
      jointMeasures(
        groups.map(({ optimizer }) => optimizer),
        state,
      ),
  };
}

function predicateOf(select: ParameterGroup['select']): (leaf: Tensor, place: Place) => boolean {
  if (typeof select !== 'string') return select;
  const isMatch = matcher(select);
  return (_leaf, { path }) => isMatch(path);
}
