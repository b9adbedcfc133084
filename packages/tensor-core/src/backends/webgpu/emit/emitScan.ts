import { isFloat } from '../../../dtype.ts';
import type { Instruction } from '../../../program.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { fitted, literalText, scalarOf } from '../codegen/scalars.ts';
import { columnVariable, rowVariable } from '../schedule/kernelPlan.ts';
import { coordinatesOf, type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';

const threads = 64;

/** A thread goes along one line and carries what it has so far. */
export function emitScan({ plan, values, writer }: EmitArguments): KernelForm {
  const { rows, columns, anchor } = plan;
  const { op, inputs, attributes, type } = values.instruction(anchor) as Instruction;
  const [x = -1, y = -1] = inputs;
  const scalar = scalarOf(type.dtype);
  const start = literalText(scalar, op.name === 'cumprod' ? 1 : 0);
  writer.line(`let ${rowVariable} = (${groupIndex}) * ${threads}u + local;`);
  writer.line(`if (${rowVariable} >= ${rows}u) { return; }`);
  writer.line(`var state: ${scalar} = ${start};`);
  writer.block(`for (var k = 0u; k < ${columns}u; k++)`, () => {
    writer.line(
      `let ${columnVariable} = ${attributes.reverse === true ? `${columns - 1}u - k` : 'k'};`,
    );
    const coordinates = coordinatesOf(plan, anchor);
    const first = writer.element(x, coordinates);
    if (op.name === 'linearRecurrence') {
      // What would multiply the state before the first one plays no part, not even as NaN.
      writer.line(
        `state = select(${first} * state, 0.0, k == 0u) + ${writer.element(y, coordinates)};`,
      );
    } else {
      const next = `state ${op.name === 'cumsum' ? '+' : '*'} ${first}`;
      writer.line(`state = ${isFloat(type.dtype) ? next : fitted(`(${next})`, type.dtype)};`);
    }
    writer.storeElement(anchor, flatPlace(coordinates, type.shape), 'state');
  });
  return { workgroup: threads, groups: Math.ceil(rows / threads) };
}
