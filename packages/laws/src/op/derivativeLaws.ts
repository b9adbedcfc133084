import {
  type AnyOp,
  type Composite,
  compile,
  mul,
  sum,
  type Tensor,
  vjp,
} from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { inner } from '../inner.ts';
import { type Law, law } from '../law.ts';
import { noise } from '../noise.ts';
import { requireDerivative } from '../numericalDerivative.ts';
import {
  freePlaces,
  isDifferentiable,
  type OpCase,
  opCases,
  tensorOf,
  tensorsOf,
} from './opCase.ts';
import { callOp, gradientsOf, readAll, weightsOf } from './outcome.ts';

const tolerance = 1e-6;

/** By each operand alone; all gradients come from one backward pass. */
export function firstDerivative(op: AnyOp): Law {
  return law('has the derivative of its central differences', opCases(op), async (opCase) => {
    const inputs = tensorsOf(opCase, 'f64');
    const result = callOp(opCase, inputs);
    if (!isDifferentiable(op, result.dtype)) return;
    const value = compile((tensors: readonly Tensor[]) => callOp(opCase, tensors));
    const weights = await weightsOf(opCase, result).data();
    const objective = async (tensors: readonly Tensor[]): Promise<number> =>
      inner(await value(tensors).data(), weights);
    const gradients = await readAll(gradientsOf(opCase, inputs));
    for (const [i, place] of freePlaces(opCase).entries()) {
      const direction = directionOf(opCase, place);
      const analytic = inner(gradients[i] ?? [], direction);
      const at = (t: number): Promise<number> => objective(moved(opCase, t, [place]));
      await requireDerivative(`derivative by operand ${place}`, analytic, at, tolerance);
    }
  });
}

/** Along two directions, by all operands together. */
export function secondDerivative(op: AnyOp): Law {
  return law(
    'has the second derivative of its central differences',
    opCases(op),
    async (opCase) => {
      const inputs = tensorsOf(opCase, 'f64');
      if (!isDifferentiable(op, callOp(opCase, inputs).dtype)) return;
      const places = freePlaces(opCase);
      const along = places.map((place) => {
        const shape = opCase.operands[place]?.shape ?? [];
        return tensorOf(directionOf(opCase, place, 1), shape, 'f64');
      });
      const slope = (tensors: readonly Tensor[]): Tensor =>
        gradientsOf(opCase, tensors)
          .map((gradient, i) => sum(mul(gradient, along[i] as Tensor)))
          .reduce((total, part) => total.add(part), tensorOf([0], [], 'f64'));
      const compiled = compile(slope);
      const { value, pullback } = vjp(slope, inputs);
      const seconds = pullback(tensorOf([1], value.shape, 'f64'));
      const curvature = await readAll(places.map((place) => seconds[place] as Tensor));
      const analytic = places
        .map((place, i) => inner(curvature[i] ?? [], directionOf(opCase, place)))
        .reduce((a, b) => a + b, 0);
      const at = (t: number): Promise<number> => compiled(moved(opCase, t, places)).item();
      await requireDerivative('second derivative', analytic, at, tolerance);
    },
  );
}

/** For an op that says it has no derivative: it is constant nearby, and its gradient is zero. */
export function isConstant(op: AnyOp, stopsGradient: boolean): Law {
  return law('has no derivative and none to miss', opCases(op), async (opCase) => {
    const places = freePlaces(opCase);
    const { value, pullback } = vjp(
      (tensors: readonly Tensor[]) => callOp(opCase, tensors),
      tensorsOf(opCase, 'f64'),
    );
    const gradients = pullback(weightsOf(opCase, value));
    for (const data of await readAll(gradients))
      requireSame('the gradient', data, new Float64Array(data.length));
    if (stopsGradient) return;
    const [here, there] = await readAll(
      [0, 1e-3].map((t) => callOp(opCase, moved(opCase, t, places))),
    );
    requireSame('the result for operands nearby', there ?? [], here ?? []);
  });
}

/** A derivative written by hand is a faster way to the same numbers. */
export function ownDerivative(op: Composite): Law {
  return law('has the derivative of its body', opCases(op), async (opCase) => {
    const { name, kind, sample } = op;
    const plain: Composite = {
      kind,
      name: `${name}Body`,
      sample,
      body: (inputs, attributes) => op.body(inputs, attributes),
    };
    const inputs = tensorsOf(opCase, 'f64');
    const own = await readAll(gradientsOf(opCase, inputs));
    const ofBody = await readAll(gradientsOf({ ...opCase, op: plain }, inputs));
    freePlaces(opCase).forEach((place, i) => {
      requireClose(`gradient of operand ${place}`, own[i] ?? [], ofBody[i] ?? [], 1e-9);
    });
  });
}

/** The operands, those at `places` moved by `t` along their directions. */
function moved(opCase: OpCase, t: number, places: readonly number[]): Tensor[] {
  return opCase.operands.map(({ dtype = 'f64', shape, values }, i) => {
    if (!places.includes(i)) return tensorOf(values, shape, dtype);
    const direction = directionOf(opCase, i);
    return tensorOf(
      values.map((value, k) => value + t * (direction[k] ?? 0)),
      shape,
      dtype,
    );
  });
}

function directionOf({ operands, seed }: OpCase, place: number, which = 0): number[] {
  return noise(seed + 1 + 2 * place + which, operands[place]?.values.length ?? 0);
}
