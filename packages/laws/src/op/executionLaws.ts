import {
  type AnyOp,
  type Backend,
  compile,
  permute,
  type Tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import type fc from 'fast-check';
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
  return law(
    'does not depend on the layout of its operands',
    casesWithOrders(op),
    async (opCase) => {
      const inputs = tensorsOf(opCase, 'f32');
      const back = await laidOut(inputs, opCase.choice);
      // Called directly too: a transform hides from the op where its operands come from.
      await requireSameParts(opCase, [callOp(opCase, back)], [callOp(opCase, inputs)]);
      await requireSameParts(
        opCase,
        resultAndGradients(opCase, back),
        resultAndGradients(opCase, inputs),
      );
    },
  );
}

/** The meaning of an op is its reference; a backend is only faster. */
export function equalsReference(
  op: AnyOp,
  backend: Backend,
  reference: Backend,
  tolerance: number,
): Law {
  return law(`is the same on ${backend.name}`, casesWithOrders(op), async (opCase) => {
    const on = async (where: Backend): ReturnType<typeof readAll> => {
      const before = useBackend(where);
      try {
        const inputs = tensorsOf(opCase, 'f32');
        const back = await laidOut(inputs, opCase.choice);
        const parts = await readAll(resultAndGradients(opCase, inputs));
        return [...parts, ...(await readAll([callOp(opCase, back)]))];
      } finally {
        useBackend(before);
      }
    };
    const expected = await on(reference);
    (await on(backend)).forEach((data, part) => {
      const isLast = part === expected.length - 1;
      const name = isLast ? 'result for transposed operands' : partName(opCase, part);
      requireClose(name, data, expected[part] ?? [], tolerance);
    });
  });
}

/** Cases with an order for the axes of each operand. */
function casesWithOrders(op: AnyOp): fc.Arbitrary<OpCase & { readonly choice: number[][] }> {
  return opCasesWith(op, (draw, operands) =>
    operands.map(({ shape }) => draw.permutation(shape.length)),
  );
}

/** The same tensors, each stored with its axes in another order and permuted back. */
async function laidOut(
  inputs: readonly Tensor[],
  orders: readonly (readonly number[])[],
): Promise<Tensor[]> {
  const there = inputs.map((input, i) => permute(input, orders[i] ?? []));
  const data = await readAll(there);
  return there.map(({ shape, dtype }, i) => {
    const order = orders[i] ?? [];
    return permute(
      tensorOf(data[i] ?? [], shape, dtype),
      order.map((_, axis) => order.indexOf(axis)),
    );
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
