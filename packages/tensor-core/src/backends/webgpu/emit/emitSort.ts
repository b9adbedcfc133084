import type { Instruction } from '../../../program.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { orderedBits } from '../codegen/orderedBits.ts';
import { variablePlace } from '../codegen/place.ts';
import { scalarOf } from '../codegen/scalars.ts';
import { columnVariable, lineCoordinates, rowPlace, rowVariable } from '../schedule/kernelPlan.ts';
import type { SortBlocksAttributes } from '../schedule/sortSteps.ts';
import { longestBlock } from '../schedule/stagedSorts.ts';
import { type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';

const threads = longestBlock / 2;

/**
 * A group sorts a block of a line, or as many short lines as it has room for, in its own memory by Batcher's bitonic
 * network (1968). Equals are told apart by their places, so the order is stable although the network is not. What a
 * block lacks is filled up with what comes behind all else.
 */
export function emitSort({ plan, values, writer }: EmitArguments): KernelForm {
  const { rows, columns, anchor } = plan;
  const { inputs, attributes, type } = values.instruction(anchor) as Instruction;
  const [x = -1] = inputs;
  const { axis, descending, span, width } = attributes as SortBlocksAttributes;
  const { shape, dtype } = values.type(x);
  const blocks = Math.ceil(columns / span);
  const groups = Math.ceil((rows * blocks * span) / longestBlock);
  const header = [
    `var<workgroup> bits: array<u32, ${longestBlock}>;`,
    `var<workgroup> places: array<u32, ${longestBlock}>;`,
  ].join('\n');
  writer.line(`let id = ${groupIndex};`);
  writer.line(`if (id >= ${groups}u) { return; }`);
  eachSlot(() => {
    writer.line('bits[slot] = 0xffffffffu;');
    writer.line('places[slot] = 0xffffffffu;');
    writer.line(`let ${columnVariable} = block % ${blocks}u * ${span}u + slot % ${span}u;`);
    writer.block(`if (block < ${rows * blocks}u && ${columnVariable} < ${columns}u)`, () => {
      const column = variablePlace(columnVariable, columns - 1);
      const element = writer.element(x, lineCoordinates(shape, [axis], rowPlace(rows), column));
      writer.line(`bits[slot] = ${orderedBits(element, scalarOf(dtype), descending)};`);
      writer.line(`places[slot] = ${columnVariable};`);
    });
  });
  writer.line('workgroupBarrier();');
  writer.block(`for (var size = 2u; size <= ${span}u; size *= 2u)`, () => {
    writer.block('for (var half = size / 2u; half > 0u; half /= 2u)', () => {
      writer.line('let low = local / half * 2u * half + local % half;');
      writer.line('let high = low + half;');
      writer.line('let isOver = bits[low] > bits[high]');
      writer.line('  || (bits[low] == bits[high] && places[low] > places[high]);');
      writer.block(`if (isOver == (((low % ${span}u) & size) == 0u))`, () => {
        for (const name of ['bits', 'places']) {
          writer.line(`let ${name}Low = ${name}[low];`);
          writer.line(`${name}[low] = ${name}[high];`);
          writer.line(`${name}[high] = ${name}Low;`);
        }
      });
      writer.line('workgroupBarrier();');
    });
  });
  eachSlot(() => {
    writer.block(`if (block < ${rows * blocks}u && slot % ${span}u < ${width}u)`, () => {
      writer.line(`let ${columnVariable} = block % ${blocks}u * ${width}u + slot % ${span}u;`);
      const column = variablePlace(columnVariable, (type.shape[axis] as number) - 1);
      const coordinates = lineCoordinates(type.shape, [axis], rowPlace(rows), column);
      writer.storeElement(anchor, flatPlace(coordinates, type.shape), 'i32(places[slot])');
    });
  });
  return { workgroup: threads, groups, header };

  /** Each thread has two slots; `block` is which block of all lines a slot belongs to, and `r` its line. */
  function eachSlot(body: () => void): void {
    writer.block(`for (var slot = local; slot < ${longestBlock}u; slot += ${threads}u)`, () => {
      writer.line(`let block = id * ${longestBlock / span}u + slot / ${span}u;`);
      writer.line(`let ${rowVariable} = block / ${blocks}u;`);
      body();
    });
  }
}
