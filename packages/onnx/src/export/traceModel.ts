import { paths } from '@lorikeet/nn';
import {
  flattenTree,
  formatShape,
  LorikeetError,
  type Program,
  sizeOf,
  type Tensor,
  type TensorType,
  type TracedProgram,
  traceProgram,
} from '@lorikeet/tensor-core';
import { lowerGraph } from '../lowerGraph.ts';
import { refusalOf } from '../lowerings.ts';
import { storedAs } from '../proto/elementType.ts';
import type { GraphProto, ValueInfoProto } from '../proto/model.ts';
import { type OpenSide, OpenSides } from './openSides.ts';

/** By the path of an input, by axis, the name of a side that is known only when the model runs. */
export type DynamicAxes = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** A function at one setting of its open sides, as a graph whose constants are given by their place. */
export interface TracedModel {
  readonly program: TracedProgram['program'];
  readonly graph: GraphProto;
}

export interface OpenSetting {
  /** The size of each open side while tracing. */
  readonly primes: ReadonlyMap<string, number>;
  /** How far a size may be from such a one and still be told from it. */
  readonly reach: number;
}

/**
 * Traces `fn` with a prime in the place of each open side.
 *
 * @param inputs some trees, whose paths are the names of the graph's inputs.
 */
export function traceModel(
  fn: (inputs: readonly unknown[]) => unknown,
  inputs: readonly unknown[],
  dynamicAxes: DynamicAxes,
  { primes, reach }: OpenSetting,
): TracedModel {
  const { structure } = flattenTree([inputs]);
  const named = inputs.flatMap((tree) => paths(tree));
  requireKnown(dynamicAxes, named);
  const types = named.map(([path, { type }]) => withPrimes(type, dynamicAxes[path] ?? {}, primes));
  const sides = new OpenSides(openSidesOf(dynamicAxes, primes), reach);
  const { program, outputs } = traceProgram(
    fn,
    types,
    structure,
    (call) =>
      refusalOf(call) === undefined &&
      [call.type, ...call.inputs].every(({ shape }) => sizeOf(shape) > 0),
  );
  const outputNames = paths(outputs.tree).map(([path]) => path);
  requireUnique([
    ...named.map(([path]) => path || 'input'),
    ...outputNames.map((path) => path || 'output'),
  ]);
  const graph = lowerGraph(program, {
    inputName: (i) => named[i]?.[0] || 'input',
    outputName: (i) => outputNames[i] || 'output',
    sides,
    constant(i) {
      const { dtype, shape } = (program.constants[i] as Program['constants'][number]).type;
      // The offset and the length are told when the file is written.
      return {
        elementType: storedAs[dtype],
        dims: shape,
        data: { location: String(i), offset: 0, length: 0 },
      };
    },
  });
  const open = ({ name, elementType, dims }: ValueInfoProto): ValueInfoProto => ({
    name,
    elementType,
    dims: dims.map((side) => (typeof side === 'number' ? sides.nameOf(side) : side)),
  });
  return {
    program,
    graph: { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open) },
  };
}

function requireKnown(
  dynamicAxes: DynamicAxes,
  named: readonly (readonly [string, Tensor])[],
): void {
  const names = named.map(([path]) => path);
  const unknown = Object.keys(dynamicAxes).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new LorikeetError('no-match', `exportOnnx: dynamicAxes names no input '${unknown}'`, {
    expected: names.join(', '),
    received: unknown,
  });
}

/** A graph has one space of names. */
function requireUnique(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new LorikeetError('invalid-argument', `exportOnnx: two tensors are called '${twice}'`, {
    expected: 'a path of its own for each input and output',
    received: twice,
  });
}

function withPrimes(
  { dtype, shape }: TensorType,
  axes: Readonly<Record<number, string>>,
  primes: ReadonlyMap<string, number>,
): TensorType {
  for (const axis of Object.keys(axes).map(Number)) {
    if (axis in shape) continue;
    throw new LorikeetError('invalid-argument', `exportOnnx: no axis ${axis} to leave open`, {
      expected: `an axis of ${formatShape(shape)}`,
      received: String(axis),
    });
  }
  return {
    dtype,
    shape: shape.map((side, axis) => primes.get(axes[axis] ?? '') ?? side),
  };
}

/** The first input that has it tells each side. */
function openSidesOf(
  dynamicAxes: DynamicAxes,
  primes: ReadonlyMap<string, number>,
): readonly OpenSide[] {
  const sides = new Map<string, OpenSide>();
  for (const [input, axes] of Object.entries(dynamicAxes))
    for (const [axis, name] of Object.entries(axes)) {
      const prime = primes.get(name);
      if (prime !== undefined && !sides.has(name))
        sides.set(name, { name, input, axis: Number(axis), prime });
    }
  return [...sides.values()];
}
