import {
  type AnyOp,
  checkpoint,
  compile,
  full,
  grad,
  jvp,
  mul,
  pad,
  type Shape,
  slice,
  sum,
  type Tensor,
  type TypedArray,
  vjp,
  vmap,
} from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { inner } from '../inner.ts';
import { type Law, law } from '../law.ts';
import { noise } from '../noise.ts';
import { requireDerivative } from '../numericalDerivative.ts';
import { tensorOf } from '../op/opCase.ts';
import { readAll } from '../op/outcome.ts';
import { type GeneratedProgram, generatedPrograms } from './generatedProgram.ts';

export interface ProgramLawOptions {
  /** Calls in each program. Defaults to 10. */
  readonly length?: number;
}

/**
 * What must hold for whatever is made of ops: transforms of random programs, and transforms of transforms.
 *
 * - A compiled program and its gradient are what they are without, bit for bit.
 * - The gradient of a compiled gradient is that of differences of the gradient, within 1e-6.
 * - jvp and vjp are adjoint, within 1e-9, and jvp is what differences give, within 1e-6.
 * - Mapped over a batch, a program and its gradient are what a loop gives, within 1e-9.
 * - A checkpoint changes neither value nor gradient, by a bit.
 * - A part of a result is what it is in the whole, by a bit, and zeros around an operand are numbers like others, within
 *   1e-12: what an op says of its axes and zeros is true.
 *
 * @param ops all that programs may be made of; those without a derivative are left out.
 */
export function programLaws(
  ops: readonly AnyOp[],
  { length = 10 }: ProgramLawOptions = {},
): readonly Law[] {
  const programs = generatedPrograms(ops, length);
  return [
    law('is the same compiled, value and gradient', programs, async (program) => {
      const inputs = inputsOf(program);
      const plain = [...program.run(inputs), ...gradient(program)(inputs)];
      const compiled = [...compile(program.run)(inputs), ...compile(gradient(program))(inputs)];
      await requireSameAll(compiled, plain);
    }),
    law('has the gradient of a compiled gradient', programs, async (program) => {
      const slope = compile(gradient(program));
      const along = (inputs: readonly Tensor[]): Tensor =>
        total(slope(inputs).map((part, i) => sum(mul(part, direction(program, i)))));
      const second = await readAll(grad(along)(inputsOf(program)));
      const analytic = innerAll(second, program, 1);
      const compiled = compile(along);
      const at = (t: number): Promise<number> => compiled(movedInputs(program, t, 1)).item();
      await requireDerivative('second derivative', analytic, at, 1e-6);
    }),
    law('has a jvp adjoint to its vjp', programs, async (program) => {
      const inputs = inputsOf(program);
      const { value, pullback } = vjp(program.run, inputs);
      const weights = weightsOf(program, value);
      const { tangent } = jvp(
        program.run,
        inputs,
        inputs.map((_, i) => direction(program, i)),
      );
      const ahead = await readAll(tangent);
      const back = await readAll(pullback(weights));
      const weightData = await readAll(weights);
      const forward = ahead.reduce((all, part, i) => all + inner(part, weightData[i] ?? []), 0);
      requireClose('the two products', [forward], [innerAll(back, program, 0)], 1e-9);
      const run = compile(program.run);
      const at = async (t: number): Promise<number> => {
        const data = await readAll(run(movedInputs(program, t, 0)));
        return data.reduce((all, part, i) => all + inner(part, weightData[i] ?? []), 0);
      };
      await requireDerivative('derivative along a direction', forward, at, 1e-6);
    }),
    law('is mapped over a batch as in a loop', programs, async (program) => {
      const batch = [0, 0.5, -1].map((t) => movedInputs(program, t, 0));
      const both = (inputs: readonly Tensor[]): readonly Tensor[] => [
        ...program.run(inputs),
        ...gradient(program)(inputs),
      ];
      const whole = inputsOf(program).map((input, i) =>
        tensorOf(
          [0, 0.5, -1].flatMap((t) => movedValues(program, i, t, 0)),
          [3, ...input.shape],
          'f64',
        ),
      );
      const mapped = await readAll(vmap(both)(whole));
      for (const [index, inputs] of batch.entries()) {
        (await readAll(both(inputs))).forEach((expected, part) => {
          const { length: size } = expected;
          const actual = mapped[part]?.subarray(index * size, (index + 1) * size) ?? [];
          requireClose(`part ${part} of call ${index}`, actual, expected, 1e-9);
        });
      }
    }),
    law('is the same with a checkpoint', programs, async (program) => {
      const inputs = inputsOf(program);
      const less: GeneratedProgram = { ...program, run: checkpoint(program.run) };
      await requireSameAll(
        [...less.run(inputs), ...gradient(less)(inputs)],
        [...program.run(inputs), ...gradient(program)(inputs)],
      );
    }),
    law('gives a part of a result as the whole has it', programs, async (program) => {
      const whole = program.run(inputsOf(program));
      const parts = whole.map((_, i) => corner(program.run(inputsOf(program))[i] as Tensor));
      const computed = await readAll(whole);
      // Each alone: all that is a result itself is computed whole.
      for (const [i, part] of parts.entries()) {
        const { shape } = whole[i] as Tensor;
        const expected = corner(tensorOf(computed[i] ?? [], shape, 'f64'));
        await requireSameAll([part], [expected]);
      }
    }),
    law('takes zeros around an operand as they are', programs, async (program) => {
      const inputs = inputsOf(program).map((input) => {
        const { starts } = cornerOf(input.shape);
        return pad(corner(input), { low: starts, high: starts.map(() => 0) });
      });
      const values = await Promise.all(inputs.map((input) => input.data()));
      const padded = inputsOf(program).map((input) => {
        const { starts } = cornerOf(input.shape);
        return pad(corner(input), { low: starts, high: starts.map(() => 0) });
      });
      const plain = padded.map(({ shape }, i) => tensorOf(values[i] ?? [], shape, 'f64'));
      const expected = await readAll(program.run(plain));
      (await readAll(program.run(padded))).forEach((data, i) => {
        requireClose(`result ${i}`, data, expected[i] ?? [], 1e-12);
      });
    }),
  ];
}

/** The half of each axis that is last. */
function corner(x: Tensor): Tensor {
  const { starts, sizes } = cornerOf(x.shape);
  return slice(x, starts, sizes);
}

function cornerOf(shape: Shape): { readonly starts: number[]; readonly sizes: number[] } {
  const starts = shape.map((side) => Math.floor(side / 2));
  return { starts, sizes: shape.map((side, axis) => side - (starts[axis] as number)) };
}

function inputsOf(program: GeneratedProgram): Tensor[] {
  return movedInputs(program, 0, 0);
}

/** The gradient of the weighted sum of all results. */
function gradient(program: GeneratedProgram): (inputs: readonly Tensor[]) => readonly Tensor[] {
  return grad((inputs: readonly Tensor[]) => {
    const results = program.run(inputs);
    const weights = weightsOf(program, results);
    return total(results.map((result, i) => sum(mul(result, weights[i] as Tensor))));
  });
}

function weightsOf({ seed }: GeneratedProgram, results: readonly Tensor[]): Tensor[] {
  return results.map(({ size, shape }, i) => tensorOf(noise(seed + 10 + i, size), shape, 'f64'));
}

function direction(program: GeneratedProgram, i: number, which = 0): Tensor {
  const { shape } = program.inputs[i] ?? { shape: [] };
  return tensorOf(directionValues(program, i, which), shape, 'f64');
}

function directionValues({ inputs, seed }: GeneratedProgram, i: number, which: number): number[] {
  return noise(seed + 2 * i + which, inputs[i]?.values.length ?? 0);
}

function movedInputs(program: GeneratedProgram, t: number, which: number): Tensor[] {
  return program.inputs.map(({ shape }, i) =>
    tensorOf(movedValues(program, i, t, which), shape, 'f64'),
  );
}

function movedValues(program: GeneratedProgram, i: number, t: number, which: number): number[] {
  const along = directionValues(program, i, which);
  return (program.inputs[i]?.values ?? []).map((value, k) => value + t * (along[k] ?? 0));
}

function innerAll(parts: readonly TypedArray[], program: GeneratedProgram, which: number): number {
  return parts.reduce((all, part, i) => all + inner(part, directionValues(program, i, which)), 0);
}

function total(parts: readonly Tensor[]): Tensor {
  return parts.reduce((all, part) => all.add(part), full([], 0, 'f64'));
}

async function requireSameAll(
  actual: readonly Tensor[],
  expected: readonly Tensor[],
): Promise<void> {
  const [got, wanted] = [await readAll(actual), await readAll(expected)];
  got.forEach((data, i) => {
    requireSame(`part ${i}`, data, wanted[i] ?? []);
  });
}
