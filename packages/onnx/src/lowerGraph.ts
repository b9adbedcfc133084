import {
  broadcastShapes,
  formatType,
  type Instruction,
  LorikeetError,
  type Program,
  type Shape,
  sameShape,
  sizeOf,
  type TensorType,
  valueTypes,
} from '@lorikeet/tensor-core';
import { boundaryOf, enter, enterStored, leave } from './boundary.ts';
import { fitTo } from './carrier.ts';
import { withoutEmpties } from './empties.ts';
import { GraphBuilder, type Sides } from './graphBuilder.ts';
import { loweringOf, refusalOf } from './lowerings.ts';
import type { GraphProto, TensorProto, ValueInfoProto } from './proto/model.ts';
import { lazily, literalValue, type Value } from './value.ts';

export interface LowerGraphOptions {
  /** Names of the inputs and outputs, by place. */
  readonly inputName: (place: number) => string;
  readonly outputName: (place: number) => string;
  /** The elements of a constant, as they are stored. */
  readonly constant: (place: number) => Omit<TensorProto, 'name'>;
  /** What stands for sides that are known only when the graph runs. */
  readonly sides?: Sides;
}

/**
 * A program as a graph of ONNX operators. Inputs and outputs that are empty are not among those of the graph.
 *
 * @throws LorikeetError `unsupported` for a call that no operator serves: which op, of which dtypes, of which module.
 */
export function lowerGraph(program: Program, options: LowerGraphOptions): GraphProto {
  const graph = new GraphBuilder(options.sides);
  const types = valueTypes(program);
  const values: Value[] = [];
  const inputs: ValueInfoProto[] = [];
  program.inputs.forEach((type, i) => {
    const name = options.inputName(i);
    if (sizeOf(type.shape) > 0) inputs.push({ name, ...boundaryOf(type) });
    values.push(lazily(type, () => enter(graph, name, type)));
  });
  program.constants.forEach(({ type }, i) => {
    let stored: string | undefined;
    const initializer = (): string => {
      stored ??= graph.initializer(options.constant(i));
      return stored;
    };
    const views = new Map<string, string>();
    const bytesAs = (dims: Shape): string => {
      const view =
        views.get(dims.join()) ??
        graph.initializer({ ...options.constant(i), elementType: 'uint8', dims });
      views.set(dims.join(), view);
      return view;
    };
    const write = (): string => enterStored(graph, initializer(), type);
    values.push(lazily(type, write, { stored: initializer, bytesAs }));
  });
  for (const instruction of program.instructions) {
    graph.path = instruction.path ?? '';
    values.push(lowerInstruction(graph, instruction, values));
  }
  graph.path = '';
  const outputs = program.outputs.flatMap((number, i): ValueInfoProto[] => {
    const [type, value] = [types[number], values[number]];
    if (type === undefined || value === undefined || sizeOf(type.shape) === 0) return [];
    const name = options.outputName(i);
    graph.rename(leave(graph, value.name, type), name);
    return [{ name, ...boundaryOf(type) }];
  });
  return graph.build('lorikeet', inputs, outputs);
}

function lowerInstruction(
  graph: GraphBuilder,
  instruction: Instruction,
  values: readonly Value[],
): Value {
  const { op, attributes, type, path } = instruction;
  const inputs = instruction.inputs.map((number) => values[number] as Value);
  if (op.kind === 'primitive' && op.name === 'full')
    return literalValue(graph, type, Number(attributes.value));
  if (sizeOf(type.shape) === 0) return lazily(type, nothing);
  const served = withoutEmpties(graph, instruction, inputs);
  if ('name' in served) return served;
  const call = { op, inputs: served.inputs, attributes, type };
  const refusal = refusalOf(call);
  if (refusal !== undefined) {
    throw new LorikeetError(
      'unsupported',
      `onnx: ${op.name} of ${inputs.map(formatType).join(', ') || formatType(type)} does not become ONNX: ${refusal}`,
      {
        path,
        hint: 'docs/reference/onnx.md lists what does; on the backend such calls run on the host',
      },
    );
  }
  const rule = loweringOf(op);
  const operands =
    op.kind === 'primitive' && op.elementwise ? scalars(graph, served.inputs, type) : served.inputs;
  const name = rule.lower({ graph, inputs: operands, attributes, type });
  return { ...type, name: rule.exact === true ? name : fitTo(graph, name, type.dtype) };
}

function nothing(): string {
  throw new LorikeetError('internal', 'onnx: an empty tensor is asked for its elements');
}

/** Literals as scalars, as long as the other operands have the shape of the result. */
function scalars(
  graph: GraphBuilder,
  inputs: readonly Value[],
  type: TensorType,
): readonly Value[] {
  const others = inputs.filter(({ literal }) => literal === undefined);
  const shape = others.reduce<readonly number[]>(
    (all, { shape: own }) => broadcastShapes('onnx', all, own),
    [],
  );
  if (!sameShape(shape, type.shape)) return inputs;
  return inputs.map((input) =>
    input.literal === undefined
      ? input
      : literalValue(graph, { ...input, shape: [] }, input.literal),
  );
}
