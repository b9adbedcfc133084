import { Context, combine, type Place, partition } from '@lorikeet/nn';
import { isLorikeetError, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { ValueInfoProto } from '../proto/model.ts';
import { ExportedModel } from './exportedModel.ts';
import { type DynamicAxes, type TracedModel, traceModel } from './traceModel.ts';

/** What has a forward pass: a model of the zoo, or a module of your own. */
export interface Callable<Inputs> {
  call(inputs: Inputs, context: Context): unknown;
}

export interface ExportOptions {
  /** Sides that may differ from call to call: `{ input_ids: { 0: 'batch', 1: 'sequence' } }`. All others are fixed. */
  readonly dynamicAxes?: DynamicAxes;
  /**
   * Which tensors of the model are inputs of the graph, under their paths, instead of part of the file: with
   * `isTrainable` of peft-lora one session serves many adapters of the same ranks.
   */
  readonly asInputs?: (leaf: Tensor, place: Place) => boolean;
  /** The outputs to keep, by their first field; all if not given. */
  readonly outputs?: readonly string[];
}

/**
 * Pairs of sizes that stand for open sides while tracing, in the order of their names. Far from what models have of
 * themselves; small ones for models that take few tokens. A model may have a size in common with one pair, not with all.
 */
const settings: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [53, 83, 107],
    [43, 109, 89],
  ],
  [
    [29, 23, 31],
    [37, 19, 41],
  ],
  [
    [17, 13, 29],
    [19, 11, 31],
  ],
  [
    [11, 17, 13],
    [13, 7, 19],
  ],
];

/** Sizes at which a function that looks at how long something is shows it, if its model can take them. */
const large = [601, 997, 797];

/** How far a size may be from that of a side and still be told from it: what a slice leaves out. */
const reaches = [0, 3];

/**
 * A function, or a module in evaluation mode, as an ONNX model. Export `merge(model)` for one without adapters, and
 * `asInputs` for one whose adapter is given with each call.
 *
 * What the code asks of an open side while it is traced, as in a clamp or a branch, must not depend on it: that is found
 * out only up to the sizes that are tried, some hundreds.
 *
 * @param inputs examples: their tree gives the names of inputs, their shapes the sides that are fixed.
 * @throws LorikeetError `unsupported` for a call that no operator of ONNX serves, and for one that needs to know an open side.
 */
export async function exportOnnx<Inputs>(
  model: ((inputs: Inputs) => unknown) | Callable<Inputs>,
  inputs: Inputs,
  { dynamicAxes = {}, asInputs = () => false, outputs }: ExportOptions = {},
): Promise<ExportedModel> {
  const call = callOf(model, inputs, asInputs);
  const fn = (all: readonly unknown[]): unknown => chosen(call.run(all), outputs);
  const names = [...new Set(Object.values(dynamicAxes).flatMap((axes) => Object.values(axes)))];
  if (names.length === 0) {
    const traced = traceModel(fn, call.inputs, {}, { primes: new Map(), reach: 0 });
    return new ExportedModel(traced.program, traced.graph);
  }
  if (names.length > large.length)
    throw new LorikeetError('invalid-argument', `exportOnnx: ${names.length} open sides`, {
      expected: `at most ${large.length} names in dynamicAxes`,
      received: names.join(', '),
    });
  const at = (sizes: readonly number[], reach: number): TracedModel =>
    traceModel(fn, call.inputs, dynamicAxes, {
      primes: new Map(names.map((name, i) => [name, sizes[i] as number])),
      reach,
    });
  const refusals: LorikeetError[] = [];
  for (const reach of reaches)
    for (const setting of settings)
      try {
        const first = at(setting[0], reach);
        await requireSame(first, at(setting[1], reach));
        const far = ifTaken(() => at(large, reach));
        if (far !== undefined) await requireSame(first, far);
        return new ExportedModel(first.program, first.graph);
      } catch (error) {
        if (!isLorikeetError(error)) throw error;
        refusals.push(error);
      }
  // A model may be too small for some sizes, which says nothing of the others.
  throw refusals.find(({ code }) => code === 'unsupported') ?? refusals[0];
}

/** What `trace` gives, unless the model refuses such sizes. */
function ifTaken(trace: () => TracedModel): TracedModel | undefined {
  try {
    return trace();
  } catch (error) {
    if (isLorikeetError(error) && error.code !== 'unsupported') return undefined;
    throw error;
  }
}

/** The inputs of the graph, one tree after the other, and what computes the outputs from them. */
function callOf<Inputs>(
  model: ((inputs: Inputs) => unknown) | Callable<Inputs>,
  inputs: Inputs,
  asInputs: (leaf: Tensor, place: Place) => boolean,
): { readonly inputs: readonly unknown[]; run(all: readonly unknown[]): unknown } {
  if (typeof model === 'function')
    return { inputs: [inputs], run: ([given]) => model(given as Inputs) };
  const [fed, held] = partition(model, asInputs);
  return {
    inputs: [inputs, fed],
    run: ([given, part]) =>
      combine(part as typeof fed, held).call(given as Inputs, Context.evaluation),
  };
}

function chosen(result: unknown, outputs: readonly string[] | undefined): unknown {
  if (outputs === undefined || typeof result !== 'object' || result === null) return result;
  const fields = Object.entries(result).filter(([name]) => outputs.includes(name));
  const missing = outputs.filter((name) => !fields.some(([field]) => field === name));
  if (missing.length > 0)
    throw new LorikeetError('no-match', `exportOnnx: no output '${missing.join("', '")}'`, {
      expected: Object.keys(result).join(', '),
      received: missing.join(', '),
    });
  return Object.fromEntries(fields);
}

/** What is traced at two settings of the open sides must be one graph: then it holds at every setting. */
async function requireSame(a: TracedModel, b: TracedModel): Promise<void> {
  const differing = a.graph.nodes.findIndex(
    (node, i) => JSON.stringify(node) !== JSON.stringify(b.graph.nodes[i]),
  );
  const node = a.graph.nodes[differing];
  if (node !== undefined || a.graph.nodes.length !== b.graph.nodes.length)
    throw dependsOnSide(node?.opType ?? 'an operator', node?.name.split('/')[0]);
  const [left, right] = [a, b].map(({ graph }) =>
    JSON.stringify([
      graph.initializers.map(({ data, ...rest }) => [
        rest,
        Array.from(data instanceof Uint8Array ? data : []),
      ]),
      graph.outputs.map(({ name, dims }: ValueInfoProto) => [name, dims]),
    ]),
  );
  if (left !== right || !(await sameConstants(a.program, b.program)))
    throw dependsOnSide('a constant', undefined);
}

async function sameConstants(
  a: TracedModel['program'],
  b: TracedModel['program'],
): Promise<boolean> {
  if (a.constants.length !== b.constants.length) return false;
  for (const [i, constant] of a.constants.entries()) {
    const other = b.constants[i];
    if (other === undefined) return false;
    if (other === constant) continue;
    const [x, y] = [await constant.read(), await other.read()];
    if (x.length !== y.length || !x.every((value, k) => Object.is(value, y[k]))) return false;
  }
  return true;
}

function dependsOnSide(what: string, path: string | undefined): LorikeetError {
  return new LorikeetError(
    'unsupported',
    `exportOnnx: ${what} depends on an open side in a way that ONNX cannot be told`,
    { path: path || undefined, hint: 'fix the side: leave it out of dynamicAxes' },
  );
}
