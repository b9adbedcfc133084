import {
  type AnyOp,
  type Backend,
  compile,
  permute,
  type Tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { type OpCase, opCases, opCasesWith, tensorOf, tensorsOf } from './opCase.ts';
import { callOp, partName, readAll, resultAndGradients } from './outcome.ts';

/** A plan that was traced for other numbers gives what the graph gives. */
export function compilesToItself(op: AnyOp): Law {
  return law('is the same compiled, bit for bit', opCases(op), async (opCase) => {
    const compiled = compile((inputs: readonly Tensor[]) => resultAndGradients(opCase, inputs));
    const other = opCase.operands.map((operand) => ({
      ...operand,
      values: operand.values.toReversed(),
    }));
    compiled(tensorsOf({ ...opCase, operands: other }, 'f32'));
    const inputs = tensorsOf(opCase, 'f32');
    await requireSameParts(opCase, compiled(inputs), resultAndGradients(opCase, inputs));
  });
}

/** Where an operand comes from does not matter, such as from a transposition that a backend may fold in. */
export function ignoresLayout(op: AnyOp): Law {
  const cases = opCasesWith(op, (draw, operands) =>
    operands.map(({ shape }) => draw.permutation(shape.length)),
  );
  return law('does not depend on the layout of its operands', cases, async (opCase) => {
    const inputs = tensorsOf(opCase, 'f32');
    const there = opCase.choice.map((order, i) => permute(inputs[i] as Tensor, order));
    const data = await readAll(there);
    const back = there.map((tensor, i) => {
      const order = opCase.choice[i] ?? [];
      const stored = tensorOf(data[i] ?? [], tensor.shape, tensor.dtype);
      return permute(
        stored,
        order.map((_, axis) => order.indexOf(axis)),
      );
    });
    // Called directly too: a transform hides from the op where its operands come from.
    await requireSameParts(opCase, [callOp(opCase, back)], [callOp(opCase, inputs)]);
    await requireSameParts(
      opCase,
      resultAndGradients(opCase, back),
      resultAndGradients(opCase, inputs),
    );
  });
}

/** The meaning of an op is its reference; a backend is only faster. */
export function equalsReference(
  op: AnyOp,
  backend: Backend,
  reference: Backend,
  tolerance: number,
): Law {
  return law(`is the same on ${backend.name}`, opCases(op), async (opCase) => {
    const on = async (where: Backend): ReturnType<typeof readAll> => {
      const before = useBackend(where);
      try {
        return await readAll(resultAndGradients(opCase, tensorsOf(opCase, 'f32')));
      } finally {
        useBackend(before);
      }
    };
    const expected = await on(reference);
    (await on(backend)).forEach((data, part) => {
      requireClose(partName(opCase, part), data, expected[part] ?? [], tolerance);
    });
  });
}

async function requireSameParts(
  opCase: OpCase,
  actual: readonly Tensor[],
  expected: readonly Tensor[],
): Promise<void> {
  const [got, wanted] = [await readAll(actual), await readAll(expected)];
  got.forEach((data, part) => {
    requireSame(partName(opCase, part), data, wanted[part] ?? []);
  });
}
