import { opLaws } from '@lorikeet/laws';
import {
  type Backend,
  createReferenceBackend,
  exp,
  LorikeetError,
  mul,
  neg,
  operand,
  type Primitive,
  record,
  stopGradient,
  sub,
  tanhOp,
} from '@lorikeet/tensor-core';
import { mutantOf, type OpMutant } from './opMutant.ts';

/** `a * exp(b)`. */
export const rescaleOp: Primitive = {
  kind: 'primitive',
  name: 'rescale',
  elementwise: true,
  batch: 'loop',
  infer: ([a, b]) => ({
    shape: (a?.shape.length ?? 0) < (b?.shape.length ?? 0) ? (b?.shape ?? []) : (a?.shape ?? []),
    dtype: a?.dtype ?? 'f32',
  }),
  evaluate(inputs, _, output) {
    const [a, b] = [operand(inputs, 0).data, operand(inputs, 1).data];
    const last = (data: typeof a, i: number): number => data[i % data.length] as number;
    for (let i = 0; i < output.data.length; i++) output.data[i] = last(a, i) * Math.exp(last(b, i));
  },
  derivative: ({ inputs, output, gradient }) => [
    mul(gradient, exp(operand(inputs, 1))),
    mul(gradient, output),
  ],
  // A whole shape and the end of one, so that repeating the shorter operand broadcasts it.
  sample(draw) {
    const shape = draw.shape();
    const end = shape.slice(draw.integer(0, shape.length));
    const inputs = [{ shape }, { shape: end }];
    return { inputs: draw.boolean() ? inputs : inputs.toReversed(), attributes: {} };
  },
};

/** The reference, but for one op, which it computes wrongly. */
function brokenBackend(name: string): Backend {
  const reference = createReferenceBackend();
  const wrong = mutantOf(tanhOp, {
    evaluate: (inputs, _, output) => output.data.set(operand(inputs, 0).data),
  });
  return {
    ...reference,
    name: 'broken',
    compile(program, constants) {
      const instructions = program.instructions.map((instruction) =>
        instruction.op.name === name ? { ...instruction, op: wrong } : instruction,
      );
      return reference.compile({ ...program, instructions }, constants);
    },
  };
}

const evaluateTanh = tanhOp.evaluate;

export const primitiveMutants: readonly OpMutant[] = [
  [
    'a shape rule that promises too much',
    opLaws(
      mutantOf(tanhOp, {
        infer: ([x]) => ({ shape: [...(x?.shape ?? []), 1], dtype: x?.dtype ?? 'f32' }),
      }),
    ),
    'fills exactly the shape of its rule',
  ],
  [
    'a last element that is not written',
    opLaws(
      mutantOf(tanhOp, {
        evaluate(inputs, attributes, output) {
          const last = output.data.at(-1);
          evaluateTanh(inputs, attributes, output);
          if (last !== undefined) output.data[output.data.length - 1] = last;
        },
      }),
    ),
    'fills exactly the shape of its rule',
  ],
  [
    'an element written beyond the end',
    opLaws(
      mutantOf(tanhOp, {
        evaluate(inputs, attributes, output) {
          evaluateTanh(inputs, attributes, output);
          output.data[output.data.length] = 0;
        },
      }),
    ),
    'fills exactly the shape of its rule',
  ],
  [
    'an operand that is overwritten',
    opLaws(
      mutantOf(tanhOp, {
        evaluate(inputs, attributes, output) {
          evaluateTanh(inputs, attributes, output);
          operand(inputs, 0).data.set(output.data);
        },
      }),
    ),
    'fills exactly the shape of its rule',
  ],
  [
    'a dtype rule that forgets one float type',
    opLaws(
      mutantOf(tanhOp, {
        infer: ([x]) => ({
          shape: x?.shape ?? [],
          dtype: x?.dtype === 'bf16' ? 'f32' : (x?.dtype ?? 'f32'),
        }),
      }),
    ),
    'treats every float type alike',
  ],
  [
    'a formula that divides 0 by 0',
    opLaws(
      mutantOf(tanhOp, {
        evaluate([x], _, output) {
          x?.data.forEach((value, i) => {
            output.data[i] = (value * Math.tanh(value)) / value;
          });
        },
      }),
    ),
    'gives no NaN',
  ],
  [
    'a shortcut in half precision',
    opLaws(
      mutantOf(tanhOp, {
        evaluate([x], _, output) {
          x?.data.forEach((value, i) => {
            output.data[i] = output.dtype === 'f16' ? Math.fround(value) : Math.tanh(value);
          });
        },
      }),
    ),
    'rounds once in f16 and bf16',
  ],
  [
    'a shortcut for integers',
    opLaws(
      mutantOf(rescaleOp, {
        evaluate(inputs, attributes, output) {
          if (output.dtype === 'i32') output.data.fill(1);
          else rescaleOp.evaluate(inputs, attributes, output);
        },
      }),
    ),
    'gives the same for whole numbers as integers',
  ],
  [
    'a derivative with a factor missing',
    opLaws(mutantOf(tanhOp, { derivative: ({ gradient }) => [gradient] })),
    'has the derivative of its central differences',
  ],
  [
    'a derivative of the wrong sign by one of two operands',
    opLaws(
      mutantOf(rescaleOp, {
        derivative: ({ inputs, output, gradient }) => [
          mul(gradient, exp(operand(inputs, 1))),
          neg(mul(gradient, output)),
        ],
      }),
    ),
    'has the derivative of its central differences',
  ],
  [
    'an operand without its derivative',
    opLaws(
      mutantOf(rescaleOp, {
        derivative: ({ inputs, gradient }) => [mul(gradient, exp(operand(inputs, 1))), null],
      }),
    ),
    'has the derivative of its central differences',
  ],
  [
    'values in f64 that have only the digits of f32',
    opLaws(
      mutantOf(tanhOp, {
        evaluate([x], _, output) {
          x?.data.forEach((value, i) => {
            output.data[i] = Math.fround(Math.tanh(value));
          });
        },
      }),
    ),
    'has the derivative of its central differences',
  ],
  [
    'a derivative that cannot be differentiated',
    opLaws(
      mutantOf(tanhOp, {
        derivative: ({ output, gradient }) => [
          mul(gradient, stopGradient(sub(1, mul(output, output)))),
        ],
      }),
    ),
    'has the second derivative of its central differences',
  ],
  [
    'a derivative that is said not to be there',
    opLaws(mutantOf(tanhOp, { derivative: 'none' })),
    'has no derivative and none to miss',
  ],
  [
    'a shape that is refused without a name',
    opLaws(
      mutantOf(tanhOp, {
        infer([x]) {
          if (x?.shape.includes(7)) throw new LorikeetError('shape-mismatch', 'it does not fit');
          return { shape: x?.shape ?? [], dtype: x?.dtype ?? 'f32' };
        },
      }),
    ),
    'tells its name and the shape that it refuses',
  ],
  [
    'a batch that is shared by operands that have none',
    opLaws(mutantOf(rescaleOp, { batch: ({ op, inputs }) => record(op, inputs, {}) })),
    'is mapped over a batch as in a loop',
  ],
  [
    'a derivative that is not linear in that of the result',
    opLaws(
      mutantOf(tanhOp, {
        derivative: ({ output, gradient }) => [
          mul(mul(gradient, gradient), sub(1, mul(output, output))),
        ],
      }),
    ),
    'has a jvp adjoint to its vjp',
  ],
  [
    'a simplification for the wrong literal',
    opLaws(mutantOf(rescaleOp, { simplify: ([, b]) => (b?.literal === 1 ? 0 : undefined) })),
    'is the same for literals as for data',
  ],
  [
    'a simplification that forgets broadcasting',
    opLaws(mutantOf(rescaleOp, { simplify: ([a]) => (a?.literal === 0 ? 0 : undefined) })),
    'is the same for literals as for data',
  ],
  [
    'a backend that computes it wrongly',
    opLaws(tanhOp, { backends: [brokenBackend('tanh')] }),
    'is the same on broken',
  ],
];
