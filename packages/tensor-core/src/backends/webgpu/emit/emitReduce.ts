import { isFloat } from '../../../dtype.ts';
import type { Instruction } from '../../../program.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { dependsOn, type Place } from '../codegen/place.ts';
import { fitted } from '../codegen/scalars.ts';
import { reducedAxes } from '../schedule/anchors.ts';
import {
  columnPlace,
  columnVariable,
  lineCoordinates,
  rowPlace,
  rowVariable,
} from '../schedule/kernelPlan.ts';
import { type Accumulator, accumulatorOf } from './accumulators.ts';
import {
  coordinatesOf,
  type EmitArguments,
  groupIndex,
  type KernelForm,
  sameCoordinates,
} from './kernelText.ts';
import { emitShuffledTree, shuffledWidth } from './shuffledTree.ts';

const threads = 64;
/** Terms that are summed before the sum is added to the rest. */
const blockLength = 64;

interface Reduction {
  readonly value: number;
  readonly accumulator: Accumulator;
  readonly operand: number;
  readonly coordinates: readonly Place[];
  readonly parts: readonly string[];
}

/**
 * Reductions over the same lines, one after the other where one needs another, and what is computed from them by
 * line or by element. A line is a thread's ('register'), or the work of a group, which ends in a tree ('workgroup').
 */
export function emitReduce(args: EmitArguments): KernelForm {
  const { plan, values, writer, stored, tiling, subgroups } = args;
  const { rows, columns } = plan;
  const isShared = columns >= threads && (tiling === 'workgroup' || rows < threads);
  const header: string[] = [];
  const results = new Map<number, string>();
  if (isShared) {
    writer.line(`let ${rowVariable} = ${groupIndex};`);
    writer.line(`if (${rowVariable} >= ${rows}u) { return; }`);
  } else {
    writer.line(`let ${rowVariable} = (${groupIndex}) * ${threads}u + local;`);
    writer.line(`if (${rowVariable} >= ${rows}u) { return; }`);
  }
  const known = (value: number, places: readonly Place[]): string | undefined =>
    plan.members.has(value) && sameCoordinates(coordinatesOf(plan, value), places)
      ? results.get(value)
      : undefined;
  writer.knowing(known, () => {
    for (const stage of stagesOf(args)) emitStage(stage);
    emitResults();
  });
  const groups = isShared ? rows : Math.ceil(rows / threads);
  return { workgroup: threads, groups, header: header.join('\n') };

  function emitStage(stage: readonly number[]): void {
    const reductions = stage.map((value): Reduction => {
      const made = values.instruction(value) as Instruction;
      const [operand = -1] = made.inputs;
      const { dtype, shape } = values.type(operand);
      const accumulator = accumulatorOf(made, dtype);
      return {
        value,
        accumulator,
        operand,
        coordinates: lineCoordinates(
          shape,
          reducedAxes(made),
          rowPlace(rows),
          columnPlace(columns),
        ),
        parts: accumulator.parts.map(({ type, start }) => {
          const name = writer.freshName('a');
          writer.line(`var ${name}: ${type} = ${start};`);
          return name;
        }),
      };
    });
    emitLoop(reductions);
    for (const reduction of reductions) {
      const { accumulator, value } = reduction;
      const parts = isShared ? emitTree(reduction) : reduction.parts;
      const { dtype } = values.type(value);
      const result = accumulator.result(parts);
      results.set(value, writer.name(isFloat(dtype) ? result : fitted(result, dtype)));
    }
  }

  function emitLoop(reductions: readonly Reduction[]): void {
    const [start, step] = isShared ? ['local', threads] : ['0u', 1];
    const count = Math.ceil(columns / step);
    const inBlocks =
      count > 2 * blockLength && reductions.some(({ accumulator }) => accumulator.inBlocks);
    if (columns === 1) {
      for (const reduction of reductions) emitStep(reduction, reduction.parts);
      return;
    }
    const loop = (
      from: string,
      until: string,
      parts: (r: Reduction) => readonly string[],
    ): void => {
      const head = `for (var ${columnVariable} = ${from}; ${columnVariable} < ${until}; ${columnVariable} += ${step}u)`;
      writer.block(head, () => {
        for (const reduction of reductions) emitStep(reduction, parts(reduction));
      });
    };
    if (!inBlocks) {
      loop(start, `${columns}u`, ({ parts }) => parts);
      return;
    }
    const length = blockLength * step;
    writer.block(`for (var first = ${start}; first < ${columns}u; first += ${length}u)`, () => {
      const partial = new Map(
        reductions
          .filter(({ accumulator }) => accumulator.inBlocks)
          .map(({ value, accumulator }) => {
            const name = writer.freshName('s');
            writer.line(
              `var ${name}: ${accumulator.parts[0]?.type} = ${accumulator.parts[0]?.start};`,
            );
            return [value, [name]] as const;
          }),
      );
      loop(
        'first',
        `min(first + ${length}u, ${columns}u)`,
        ({ value, parts }) => partial.get(value) ?? parts,
      );
      for (const { value, accumulator, parts } of reductions) {
        const block = partial.get(value);
        if (block !== undefined) writer.line(accumulator.merge(parts, block));
      }
    });
  }

  function emitStep(
    { accumulator, operand, coordinates }: Reduction,
    parts: readonly string[],
  ): void {
    const element = writer.element(operand, coordinates);
    writer.line(accumulator.step(parts, element, columns === 1 ? '0u' : columnVariable));
  }

  /** The running results of all threads of a group in one, which each of them has then. */
  function emitTree({ accumulator, parts }: Reduction): string[] {
    const shared = accumulator.parts.map(({ type }) => {
      const name = writer.freshName('t');
      header.push(`var<workgroup> ${name}: array<${type}, ${threads}>;`);
      return name;
    });
    shared.forEach((name, i) => {
      writer.line(`${name}[local] = ${parts[i]};`);
    });
    writer.line('workgroupBarrier();');
    const canShuffle = accumulator.parts.every(({ type }) => type !== 'bool');
    const width = canShuffle ? shuffledWidth(threads, subgroups) : 1;
    writer.block(`for (var half = ${threads / 2}u; half >= ${width}u; half /= 2u)`, () => {
      writer.block('if (local < half)', () => {
        const others = shared.map((name) => `${name}[local + half]`);
        writer.line(
          accumulator.merge(
            shared.map((name) => `${name}[local]`),
            others,
          ),
        );
      });
      writer.line('workgroupBarrier();');
    });
    if (width > 1) return emitShuffledTree(writer, shared, width, accumulator.merge);
    return shared.map((name) => `${name}[0]`);
  }

  function emitResults(): void {
    const byColumn = stored.filter((value) =>
      coordinatesOf(plan, value).some((place) => dependsOn(place, columnVariable)),
    );
    const byRow = stored.filter((value) => !byColumn.includes(value));
    const store = (value: number): void => {
      const coordinates = coordinatesOf(plan, value);
      const place = flatPlace(coordinates, values.type(value).shape);
      writer.storeElement(value, place, writer.element(value, coordinates));
    };
    if (byRow.length > 0) {
      if (isShared) writer.block('if (local == 0u)', () => byRow.forEach(store));
      else byRow.forEach(store);
    }
    if (byColumn.length === 0) return;
    const [start, step] = isShared ? ['local', threads] : ['0u', 1];
    const head = `for (var ${columnVariable} = ${start}; ${columnVariable} < ${columns}u; ${columnVariable} += ${step}u)`;
    writer.block(head, () => byColumn.forEach(store));
  }
}

/** The reductions in groups of those that need none of their own group, in order. */
function stagesOf({ plan, values, writer }: EmitArguments): number[][] {
  const stages = new Map<number, number>();
  for (const value of plan.reductions) {
    const made = values.instruction(value) as Instruction;
    const [operand = -1] = made.inputs;
    const { shape } = values.type(operand);
    let stage = 0;
    const probe = writer.probe();
    const lines = lineCoordinates(
      shape,
      reducedAxes(made),
      rowPlace(plan.rows),
      columnPlace(plan.columns),
    );
    const asked = (other: number): string | undefined => {
      const earlier = stages.get(other);
      if (earlier === undefined) return undefined;
      stage = Math.max(stage, earlier + 1);
      return 'known';
    };
    probe.knowing(asked, () => probe.element(operand, lines));
    stages.set(value, stage);
  }
  const groups: number[][] = [];
  for (const [value, stage] of stages) {
    groups[stage] ??= [];
    groups[stage].push(value);
  }
  return groups;
}
