import type { DotAttributes } from '../../../ops/contraction/dot.ts';
import type { Instruction } from '../../../program.ts';
import type { KernelWriter } from '../codegen/kernelWriter.ts';
import { constantPlace, type Place, placeText, variablePlace } from '../codegen/place.ts';
import { type DotSides, dotCoordinates, dotSides } from '../schedule/kernelPlan.ts';
import { finishFunction } from './finishFunction.ts';
import type { EmitArguments } from './kernelText.ts';

/** Writes what gives an element of an operand, to the kernel's own writer if no other is given. */
export type DotElement = (
  batch: Place,
  place: Place,
  depth: Place,
  writer?: KernelWriter,
) => string;

/** A sum, and where it belongs: its row and column as texts. */
interface DotCell {
  readonly z: Place;
  readonly m: string;
  readonly n: string;
  readonly sum: string;
  /** Whether no tile goes on behind the last row, or column. */
  readonly isWholeDown: boolean;
  readonly isWholeAcross: boolean;
}

/** What the kernels for contractions share: elements of the operands, and what becomes of a sum. */
export interface DotKernel {
  readonly sides: DotSides;
  /** An element of the first operand at a batch, row and depth, and of the second at a batch, column and depth. */
  readonly a: DotElement;
  readonly b: DotElement;
  /** Whether elements side by side in memory go along the depth. */
  readonly isDeepA: boolean;
  readonly isDeepB: boolean;
  /** Function `finish(z: u32, m: u32, n: u32, sum: f32)`, which stores all that is made of a sum. */
  finish(): string;
  /** Writes that `finish` is called, unless the row or column lies behind the last. */
  store(cell: DotCell): void;
  /** A place by a name of its own; a side of 1 needs none. */
  named(name: string, text: string, size: number): Place;
}

export function dotKernel(args: EmitArguments): DotKernel {
  const { plan, values, writer } = args;
  const { inputs, attributes } = values.instruction(plan.anchor) as Instruction;
  const [a = -1, b = -1] = inputs;
  const { contract, batch } = attributes as DotAttributes;
  const sides = dotSides(values.type(a), values.type(b), attributes as DotAttributes);
  const element =
    (operand: number, side: 0 | 1): DotElement =>
    (z, place, depth, through = writer) =>
      through.element(
        operand,
        dotCoordinates(values.type(operand).shape.length, [
          [batch[side], z, sides.batchShape],
          side === 0
            ? [sides.freeA, place, sides.rowShape]
            : [sides.freeB, place, sides.columnShape],
          [contract[side], depth, sides.depthShape],
        ]),
      );
  const isDeep = (operand: number, side: 0 | 1): boolean =>
    contract[side].includes(values.type(operand).shape.length - 1);
  return {
    sides,
    a: element(a, 0),
    b: element(b, 1),
    isDeepA: isDeep(a, 0),
    isDeepB: isDeep(b, 1),
    finish: () => finishFunction(args),
    store({ z, m, n, sum, isWholeDown, isWholeAcross }) {
      const guards = [
        ...(isWholeDown ? [] : [`${m} < ${sides.rows}u`]),
        ...(isWholeAcross ? [] : [`${n} < ${sides.columns}u`]),
      ];
      const call = `finish(${placeText(z)}, ${m}, ${n}, ${sum});`;
      writer.line(guards.length === 0 ? call : `if (${guards.join(' && ')}) { ${call} }`);
    },
    named(name, text, size) {
      if (size === 1) return constantPlace(0);
      writer.line(`let ${name} = ${text};`);
      return variablePlace(name, size - 1);
    },
  };
}
