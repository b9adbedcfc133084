import {
  type AnyOp,
  type Attributes,
  add,
  concat,
  type Draw,
  formatShape,
  full,
  mul,
  record,
  reshape,
  type SampleInput,
  type Shape,
  sizeOf,
  slice,
  type Tensor,
  tanh,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { drawValues } from '../op/drawValues.ts';
import { isFree, tensorOf } from '../op/opCase.ts';

/** A differentiable function of some tensors, made of calls of ops that were drawn. */
export interface GeneratedProgram {
  readonly inputs: readonly { readonly shape: Shape; readonly values: readonly number[] }[];
  /** Of the weights and directions that a law needs, by `noise`. */
  readonly seed: number;
  /** The results of all calls. */
  run(inputs: readonly Tensor[]): readonly Tensor[];
}

interface Call {
  readonly op: AnyOp;
  readonly attributes: Attributes;
  readonly operands: readonly Operand[];
}

/** What an operand is: an earlier value made to fit, or data. */
type Operand =
  | { readonly kind: 'value'; readonly from: number; readonly as: SampleInput }
  | { readonly kind: 'data'; readonly as: SampleInput; readonly values: readonly number[] };

/** Programs of `length` calls of the smooth ops among `ops`. */
export function generatedPrograms(
  ops: readonly AnyOp[],
  length: number,
): fc.Arbitrary<GeneratedProgram> {
  const smooth = ops.filter(({ derivative }) => derivative !== 'none');
  return fc.gen().map((gen) => {
    const draw = fastCheckDraw(gen);
    const inputs = Array.from({ length: draw.integer(1, 2) }, () => {
      const shape = draw.shape({ maxRank: 2, minSide: 1, maxSide: 3 });
      return { shape, values: drawValues(gen, { shape }) };
    });
    const calls: Call[] = [];
    const values = inputs.map(({ shape }) => full(shape, 0, 'f64'));
    while (calls.length < length) {
      const call = drawCall(gen, draw, draw.pick(smooth), values.length);
      const value = call && runCall(call, values);
      if (call === undefined || value?.dtype !== 'f64') continue;
      calls.push(call);
      values.push(value);
    }
    const seed = gen(fc.nat, { max: 2 ** 31 - 1 });
    const program: GeneratedProgram = { inputs, seed, run: (given) => runCalls(calls, given) };
    return Object.assign(program, { [fc.toStringMethod]: () => formatCalls(inputs, calls) });
  });
}

/** A call on earlier values, or `undefined` if the op has a kink or a condition here that they may not meet. */
function drawCall(gen: fc.GeneratorValue, draw: Draw, op: AnyOp, known: number): Call | undefined {
  const { inputs, attributes } = op.sample(draw);
  if (inputs.some(({ avoid, distinct, arrange }) => avoid ?? distinct ?? arrange)) return undefined;
  if (!inputs.some(isFree)) return undefined;
  const operands = inputs.map(
    (as): Operand =>
      isFree(as)
        ? { kind: 'value', from: draw.integer(0, known - 1), as }
        : { kind: 'data', as, values: drawValues(gen, as) },
  );
  return { op, attributes, operands };
}

function runCalls(calls: readonly Call[], inputs: readonly Tensor[]): readonly Tensor[] {
  const values = [...inputs];
  for (const call of calls) values.push(runCall(call, values));
  return values.slice(inputs.length);
}

function runCall({ op, attributes, operands }: Call, values: readonly Tensor[]): Tensor {
  const given = operands.map((operand) =>
    operand.kind === 'data'
      ? tensorOf(operand.values, operand.as.shape, operand.as.dtype ?? 'f64')
      : fitted(values[operand.from] as Tensor, operand.as),
  );
  return record(op, given, attributes);
}

/** The elements of `x`, repeated or cut off to fill a shape, and pressed smoothly into a range. */
function fitted(x: Tensor, { shape, range: [min, max] = [-2, 2] }: SampleInput): Tensor {
  const size = sizeOf(shape);
  if (x.size === 0) return full(shape, (min + max) / 2, x.dtype);
  const flat = reshape(x, [x.size]);
  const copies = Array.from({ length: Math.ceil(size / x.size) }, () => flat);
  const elements = copies.length === 0 ? flat : concat(copies, 0);
  const whole = reshape(slice(elements, [0], [size]), shape);
  return add(mul(tanh(whole), (max - min) / 2), (min + max) / 2);
}

function formatCalls(inputs: GeneratedProgram['inputs'], calls: readonly Call[]): string {
  const lines = inputs.map(
    ({ shape, values }, i) => `%${i} = float${formatShape(shape)} ${values.join(', ')}`,
  );
  calls.forEach(({ op, attributes, operands }, i) => {
    const given = operands.map((operand) => {
      const type = `${operand.as.dtype ?? 'float'}${formatShape(operand.as.shape)}`;
      return operand.kind === 'data'
        ? `${type} ${operand.values.join(' ')}`
        : `%${operand.from} as ${type}`;
    });
    lines.push(
      `%${inputs.length + i} = ${op.name} ${JSON.stringify(attributes)} (${given.join('; ')})`,
    );
  });
  return lines.join('\n');
}
