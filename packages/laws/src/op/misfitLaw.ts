import { type AnyOp, formatShape, isLorikeetError, type Shape, zeros } from '@lorikeet/tensor-core';
import { type Law, law } from '../law.ts';
import { isFree, opCasesWith, tensorsOf } from './opCase.ts';
import { callOp } from './outcome.ts';

/** One operand that has another shape than the op was to be given. */
interface Misfit {
  readonly place: number;
  readonly shape: Shape;
}

/** Where a shape is refused at all, the text says by which op, and which shape. */
export function namesMisfits(op: AnyOp): Law {
  const cases = opCasesWith(op, (draw, operands): Misfit => {
    // Numbers, not keys or indices, whose shapes the ops refuse that the body calls with them.
    const places = operands.flatMap((operand, i) => (isFree(operand) ? [i] : []));
    const place = places.length === 0 ? -1 : draw.pick(places);
    const shape = operands[place]?.shape ?? [];
    const axis = draw.integer(0, Math.max(shape.length - 1, 0));
    const longer = shape.map((side, i) => (i === axis ? side + 5 : side));
    // Not fewer axes: the attributes may name the one that is gone.
    return { place, shape: draw.pick([longer, [...shape, 7]]) };
  });
  return law('tells its name and the shape that it refuses', cases, ({ choice, ...opCase }) => {
    const inputs = tensorsOf(opCase, 'f32').map((input, i) =>
      i === choice.place ? zeros(choice.shape, input.dtype) : input,
    );
    try {
      callOp(opCase, inputs);
    } catch (error) {
      if (!isLorikeetError(error)) throw new Error(`it throws ${String(error)}`);
      if (!error.summary.startsWith(`${op.name}: `))
        throw new Error(`the text does not start with the name: ${error.message}`);
      // A composite may find that another operand does not fit the one that was changed.
      const named = op.kind === 'primitive' ? [choice.shape] : inputs.map(({ shape }) => shape);
      if (!named.some((shape) => error.message.includes(formatShape(shape))))
        throw new Error(`the text does not have the shape: ${error.message}`);
    }
  });
}
