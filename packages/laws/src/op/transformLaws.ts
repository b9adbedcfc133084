import { type AnyOp, jvp, realize, type Tensor, vjp, vmap } from '@lorikeet/tensor-core';
import type fc from 'fast-check';
import { requireClose } from '../closeness.ts';
import { inner } from '../inner.ts';
import { type Law, law } from '../law.ts';
import { noise } from '../noise.ts';
import { isDifferentiable, isFree, type OpCase, opCases, opCasesWith, tensorOf } from './opCase.ts';
import { callOp, readAll, resultAndGradients, weightsOf } from './outcome.ts';

/** Operands of which some are many, along a new first axis. */
interface BatchChoice {
  readonly size: number;
  /** For each operand the values of all calls, or `null` if they share it. */
  readonly batches: readonly (readonly (readonly number[])[] | null)[];
}

type BatchCase = OpCase & { readonly choice: BatchChoice };

/** Result and gradients of the mapped op are those of one call after the other. */
export function mapsOverBatch(op: AnyOp): Law {
  return law('is mapped over a batch as in a loop', batchCases(op), async (opCase) => {
    const { size, batches } = opCase.choice;
    if (!batches.some((batch) => batch !== null)) return;
    const call = (...inputs: readonly Tensor[]): readonly Tensor[] =>
      resultAndGradients(opCase, inputs);
    const inAxes = batches.map((batch) => (batch === null ? null : 0));
    const whole = opCase.operands.map(({ shape, values, dtype = 'f64' }, i) => {
      const batch = batches[i] ?? null;
      return batch === null
        ? tensorOf(values, shape, dtype)
        : tensorOf(batch.flat(), [size, ...shape], dtype);
    });
    const mapped = await readAll(vmap(call, { inAxes })(...whole));
    for (let index = 0; index < size; index++) {
      const one = opCase.operands.map(({ shape, values, dtype = 'f64' }, i) =>
        tensorOf(batches[i]?.[index] ?? values, shape, dtype),
      );
      (await readAll(call(...one))).forEach((expected, part) => {
        const length = expected.length;
        const actual = mapped[part]?.subarray(index * length, (index + 1) * length) ?? [];
        requireClose(`part ${part} of call ${index}`, actual, expected, 1e-12);
      });
    }
  });
}

/** The two ways to apply a Jacobian are each other's transpose. */
export function pushesForward(op: AnyOp): Law {
  return law('has a jvp adjoint to its vjp', opCases(op), async (opCase) => {
    const inputs = opCase.operands.map(({ shape, values, dtype = 'f64' }) =>
      tensorOf(values, shape, dtype),
    );
    const fn = (tensors: readonly Tensor[]): Tensor => callOp(opCase, tensors);
    const { value, pullback } = vjp(fn, inputs);
    if (!isDifferentiable(op, value.dtype)) return;
    const weights = weightsOf(opCase, value);
    const directions = inputs.map((input, i) =>
      isFree(opCase.operands[i] ?? { shape: [] })
        ? tensorOf(noise(opCase.seed + i, input.size), input.shape, 'f64')
        : input,
    );
    const { tangent } = jvp(fn, inputs, directions);
    const back = pullback(weights);
    realize(tangent, ...back);
    const [ahead, up] = await readAll([tangent, weights]);
    const forward = inner(ahead ?? [], up ?? []);
    let backward = 0;
    for (const [i, part] of back.entries()) {
      if (!isFree(opCase.operands[i] ?? { shape: [] })) continue;
      const [gradient, direction] = await readAll([part, directions[i] as Tensor]);
      backward += inner(gradient ?? [], direction ?? []);
    }
    requireClose('the two products', [forward], [backward], 1e-9);
  });
}

function batchCases(op: AnyOp): fc.Arbitrary<BatchCase> {
  return opCasesWith(op, (draw, operands, again) => {
    const size = draw.integer(0, 3);
    const batches = operands.map((_, i) =>
      draw.boolean() ? Array.from({ length: size }, () => again(i)) : null,
    );
    return { size, batches };
  });
}
