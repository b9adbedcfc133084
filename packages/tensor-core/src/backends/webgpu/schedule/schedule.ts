import { type DotAttributes, dotOp } from '../../../ops/contraction/dot.ts';
import type { Instruction, Program } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import { coordinatesAt } from '../codegen/coordinates.ts';
import { inlineRule, isView } from '../codegen/inlineRules.ts';
import { KernelWriter } from '../codegen/kernelWriter.ts';
import { constantPlace, type Place, samePlace, variablePlace } from '../codegen/place.ts';
import { elementsPerWord } from '../codegen/scalars.ts';
import type { Tiling } from '../emit/kernelText.ts';
import { isReduction, isScan, reducedAxes } from './anchors.ts';
import { attentionRowsOp, comesBy, isAttention } from './attentionStep.ts';
import { candidateCoordinates } from './candidateCoordinates.ts';
import {
  columnPlace,
  dotCoordinates,
  dotSides,
  elementVariable,
  type KernelKind,
  type KernelPlan,
  lineCoordinates,
  pairVariable,
  rowPlace,
} from './kernelPlan.ts';
import type { ProgramValues } from './programValues.ts';
import { sortBlocksOp } from './sortSteps.ts';
import { sourceOf } from './sourceOf.ts';
import { forcedHome, isHeavy, weightOf } from './weights.ts';

export interface Schedule {
  readonly kernels: readonly KernelPlan[];
  /** The kernel that computes a value that may be in memory. A value without one is computed where it is used. */
  readonly homes: ReadonlyMap<number, KernelPlan>;
}

/** How much of what a kernel reads may be computed in it: texts stay readable, and compilers quick. */
const maxWeight = 160;

/**
 * Decides which values of a program are computed together. Anchors (contractions, reductions, scans) begin a kernel;
 * what is elementwise joins the latest kernel that it depends on if that has all its elements at hand, or is computed
 * wherever it is used, or, where that would be done too often, gets a kernel of its own.
 */
export function schedule(values: ProgramValues, maxBuffers: number, tiling: Tiling): Schedule {
  return new Scheduler(values, maxBuffers, tiling).run(values.program);
}

class Scheduler {
  readonly #values: ProgramValues;
  readonly #maxBuffers: number;
  readonly #tiling: Tiling;
  readonly #kernels: KernelPlan[] = [];
  readonly #homes = new Map<number, KernelPlan>();
  /** Of values without a home: the number of the latest kernel that they need, what it costs to compute them, and what that reads. */
  readonly #levels: number[] = [];
  readonly #weights: number[] = [];
  readonly #leaves: ReadonlySet<number>[] = [];
  readonly #outputs: ReadonlySet<number>;

  constructor(values: ProgramValues, maxBuffers: number, tiling: Tiling) {
    this.#tiling = tiling;
    this.#values = values;
    this.#maxBuffers = maxBuffers;
    this.#outputs = new Set(values.program.outputs);
    for (let value = 0; value < values.first; value++) {
      this.#levels[value] = -1;
      this.#weights[value] = 0;
      this.#leaves[value] = new Set([value]);
    }
  }

  run(program: Program): Schedule {
    program.instructions.forEach((instruction, i) => {
      this.#place(instruction, this.#values.first + i);
    });
    return { kernels: this.#kernels, homes: this.#homes };
  }

  #place(instruction: Instruction, value: number): void {
    const isNothing = sizeOf(instruction.type.shape) === 0;
    if (isNothing || (this.#values.literal(value) !== undefined && !this.#outputs.has(value))) {
      this.#setLazy(value, -1, 0, new Set());
      return;
    }
    this.#keepFew(instruction.inputs);
    if (instruction.op === dotOp) this.#placeDot(instruction, value);
    else if (isReduction(instruction.op)) this.#placeReduction(instruction, value);
    else if (isScan(instruction.op)) this.#placeScan(instruction, value);
    else if (instruction.op === sortBlocksOp) this.#placeSort(instruction, value);
    else if (isAttention(instruction.op)) this.#placeAttention(instruction, value);
    else this.#placeInline(instruction, value);
  }

  /** Stores some operands if all that they are computed from is more than a kernel can be given. */
  #keepFew(inputs: readonly number[]): void {
    const leavesOf = (input: number): number => this.#leaves[input]?.size ?? 0;
    while (this.#leavesOf(inputs).size > this.#maxBuffers - 3) {
      const [widest] = [...inputs].sort((a, b) => leavesOf(b) - leavesOf(a));
      if (widest === undefined || leavesOf(widest) <= 1) return;
      this.#keep(widest);
    }
  }

  #placeDot(instruction: Instruction, value: number): void {
    const [a = -1, b = -1] = instruction.inputs;
    const attributes = instruction.attributes as DotAttributes;
    const sides = dotSides(this.#values.type(a), this.#values.type(b), attributes);
    const [z, m, n] = (
      [
        ['z', sides.batches],
        ['m', sides.rows],
        ['n', sides.columns],
      ] as const
    ).map(([name, size]) => variablePlace(name, size - 1)) as [Place, Place, Place];
    const axes = (start: number, length: number): number[] =>
      Array.from({ length }, (_, i) => start + i);
    const [batch, rows] = [sides.batchShape.length, sides.rowShape.length];
    const coordinates = dotCoordinates(instruction.type.shape.length, [
      [axes(0, batch), z, sides.batchShape],
      [axes(batch, rows), m, sides.rowShape],
      [axes(batch + rows, sides.columnShape.length), n, sides.columnShape],
    ]);
    const reads = this.#leavesOf(instruction.inputs);
    this.#begin('dot', value, coordinates, sizeOf(instruction.type.shape), 1, reads);
  }

  #placeReduction(instruction: Instruction, value: number): void {
    const [x = -1] = instruction.inputs;
    const { shape } = this.#values.type(x);
    const axes = reducedAxes(instruction);
    const columns = sizeOf(axes.map((axis) => shape[axis] as number));
    const rows = sizeOf(shape) / Math.max(columns, 1) || sizeOf(instruction.type.shape);
    const coordinates = coordinatesAt(rowPlace(rows), instruction.type.shape);
    const level = this.#levelOf([x]);
    const kernel = this.#kernels[level];
    if (
      kernel?.kind === 'reduce' &&
      kernel.rows === rows &&
      kernel.columns === columns &&
      columns > 1
    ) {
      const lines = lineCoordinates(shape, axes, rowPlace(rows), columnPlace(columns));
      const reads = this.#probe(kernel, x, lines);
      if (reads !== undefined && this.#fits(kernel, reads, 1)) {
        kernel.reductions.push(value);
        this.#join(kernel, value, coordinates, reads);
        return;
      }
    }
    const made = this.#begin('reduce', value, coordinates, rows, columns, this.#leavesOf([x]));
    made.reductions.push(value);
  }

  #placeScan(instruction: Instruction, value: number): void {
    const { shape } = instruction.type;
    const axis = Number(instruction.attributes.axis);
    const columns = shape[axis] as number;
    const rows = sizeOf(shape) / columns;
    const coordinates = lineCoordinates(shape, [axis], rowPlace(rows), columnPlace(columns));
    this.#begin('scan', value, coordinates, rows, columns, this.#leavesOf(instruction.inputs));
  }

  #placeSort(instruction: Instruction, value: number): void {
    const [x = -1] = instruction.inputs;
    const { shape } = this.#values.type(x);
    const columns = shape[Number(instruction.attributes.axis)] as number;
    this.#begin('sort', value, [], sizeOf(shape) / columns, columns, this.#leavesOf([x]));
  }

  /** Results are batches of heads (z) of rows (m) of numbers (n). */
  #placeAttention(instruction: Instruction, value: number): void {
    const { op, inputs, type } = instruction;
    const [batch = 1, heads = 1, rows = 1, columns = 1] = type.shape;
    const z = variablePlace('z', batch * heads - 1);
    const ofHead = coordinatesAt(z, [batch, heads]);
    const m = variablePlace('m', rows - 1);
    const isRows = op === attentionRowsOp;
    const n = isRows ? variablePlace(pairVariable, 1) : variablePlace('n', columns - 1);
    const coordinates = [...ofHead, m, n];
    const kernel = this.#kernels.find(
      ({ kind, anchor }) =>
        kind === 'attention' && comesBy(this.#values.instruction(anchor), instruction),
    );
    if (kernel !== undefined && this.#fits(kernel, new Set(), 1)) {
      this.#join(kernel, value, coordinates, new Set());
      return;
    }
    const size = isRows ? batch * heads * rows : sizeOf(type.shape);
    this.#begin('attention', value, coordinates, size, 1, this.#leavesOf(inputs));
  }

  #placeInline(instruction: Instruction, value: number): void {
    const { inputs, op } = instruction;
    const shared = this.#sharedSource(instruction, value);
    if (shared !== undefined) this.#keep(shared);
    const level = this.#levelOf(inputs);
    const leaves = this.#leavesOf(inputs);
    const weight = this.#weightWith(instruction);
    const isOutput = this.#outputs.has(value);
    const mustStore = isOutput || forcedHome(op) || weight > maxWeight;
    const kernel = this.#kernels[level];
    const wantsHome =
      mustStore || isHeavy(instruction, value, weight, leaves, this.#values, this.#tiling);
    if (kernel !== undefined && (wantsHome || this.#takesOver(inputs, value, kernel))) {
      if (this.#attach(kernel, instruction, value, wantsHome)) return;
    }
    if (!wantsHome) {
      this.#setLazy(value, level, weight, leaves);
      return;
    }
    this.#beginMap(value, leaves);
  }

  /**
   * What a view shares with others of the same value, if to store that once is less than to store each: the windows of
   * a convolution are views of one padded input.
   */
  #sharedSource(instruction: Instruction, value: number): number | undefined {
    if (!isView(instruction) || (this.#weights[instruction.inputs[0] ?? -1] ?? 0) === 0)
      return undefined;
    const [source, sharers] = sourceOf(instruction, this.#values);
    const [whole, part] = [source, value].map((other) => sizeOf(this.#values.type(other).shape));
    if (sharers < 2 || (whole ?? 0) >= (part ?? 0) * sharers) return undefined;
    const leaves = this.#leavesOf([source]);
    const weight = this.#weights[source] ?? 0;
    const isWanted = isHeavy(instruction, value, weight, leaves, this.#values, this.#tiling);
    return isWanted ? source : undefined;
  }

  /** Stores a value after all; what is made of it and is not stored is told. */
  #keep(value: number): void {
    this.#beginMap(value);
    const end = this.#levels.length;
    for (let other = value + 1; other < end; other++) {
      const instruction = this.#values.instruction(other);
      const isLazy = !this.#homes.has(other) && this.#values.literal(other) === undefined;
      if (instruction === undefined || !isLazy || sizeOf(instruction.type.shape) === 0) continue;
      const { inputs } = instruction;
      const weight = this.#weightWith(instruction);
      this.#setLazy(other, this.#levelOf(inputs), weight, this.#leavesOf(inputs));
    }
  }

  #weightWith(instruction: Instruction): number {
    return instruction.inputs.reduce(
      (sum, input) => sum + (this.#weights[input] ?? 0),
      weightOf(instruction),
    );
  }

  #beginMap(value: number, leaves: ReadonlySet<number> = this.#leaves[value] ?? new Set()): void {
    const { shape } = this.#values.type(value);
    const size = sizeOf(shape);
    const coordinates = coordinatesAt(variablePlace(elementVariable, size - 1), shape);
    this.#begin('map', value, coordinates, size, 1, leaves);
  }

  /** Whether a member of the kernel is needed for nothing but `value`, so that `value` may be stored in its place. */
  #takesOver(inputs: readonly number[], value: number, kernel: KernelPlan): boolean {
    return inputs.some((input) => {
      let at: number = input;
      // A view of a member is as good as the member.
      for (;;) {
        if (kernel.members.has(at))
          return this.#values.users[at]?.length === 1 && !this.#outputs.has(at);
        const made = this.#values.instruction(at);
        if (made === undefined || !isView(made) || this.#values.users[at]?.length !== 1)
          return false;
        at = made.inputs[0] ?? -1;
        if (at === value) return false;
      }
    });
  }

  #attach(
    kernel: KernelPlan,
    instruction: Instruction,
    value: number,
    wantsHome: boolean,
  ): boolean {
    if (kernel.kind === 'scan' || kernel.kind === 'sort') return false;
    // A thread of such a kernel has one element, and may not write a part of a word.
    if (kernel.kind !== 'map' && elementsPerWord(instruction.type.dtype) > 1) return false;
    // A place elsewhere would be written to without order.
    if (!wantsHome && isView(instruction)) return false;
    for (const coordinates of candidateCoordinates(kernel, instruction, this.#values)) {
      const reads = this.#probe(kernel, value, coordinates, instruction);
      if (reads === undefined || !this.#fits(kernel, reads, 1)) continue;
      this.#join(kernel, value, coordinates, reads);
      return true;
    }
    return false;
  }

  /** What the kernel would read to tell an element of a value, or undefined if it has not all at hand that it computes. */
  #probe(
    kernel: KernelPlan,
    value: number,
    coordinates: readonly Place[],
    instruction?: Instruction,
  ): ReadonlySet<number> | undefined {
    let isApart = false;
    const writer = new KernelWriter({
      ruleOf: inlineRule,
      values: this.#values,
      isStored: (other) =>
        other < this.#values.first ||
        (this.#homes.get(other)?.number ?? kernel.number) < kernel.number ||
        isApart,
      isInArena: () => false,
      maxBindingBytes: Number.MAX_SAFE_INTEGER,
    });
    const known = (other: number, places: readonly Place[]): string | undefined => {
      const own = kernel.members.get(other);
      if (own === undefined) return undefined;
      if (!own.every((place, axis) => samePlace(place, places[axis] ?? constantPlace(-1))))
        isApart = true;
      return 'known';
    };
    writer.knowing(known, () => {
      const rule = instruction && inlineRule(instruction);
      if (rule === undefined || instruction === undefined) writer.element(value, coordinates);
      else rule({ writer, instruction, coordinates });
    });
    return isApart ? undefined : writer.reads;
  }

  #fits(kernel: KernelPlan, reads: ReadonlySet<number>, writes: number): boolean {
    const all = new Set([...kernel.reads, ...reads]);
    const outside = [...kernel.members.keys()].filter((member) =>
      this.#mayBeStored(member, kernel),
    );
    return all.size + outside.length + writes <= this.#maxBuffers - 1;
  }

  #mayBeStored(member: number, kernel: KernelPlan): boolean {
    if (this.#outputs.has(member)) return true;
    const users = this.#values.users[member] ?? [];
    return users.some((user) => this.#homes.get(user) !== kernel);
  }

  #join(
    kernel: KernelPlan,
    value: number,
    coordinates: readonly Place[],
    reads: ReadonlySet<number>,
  ): void {
    kernel.members.set(value, coordinates);
    for (const read of reads) kernel.reads.add(read);
    this.#setHome(kernel, value);
  }

  #begin(
    kind: KernelKind,
    anchor: number,
    coordinates: readonly Place[],
    rows: number,
    columns: number,
    reads: ReadonlySet<number>,
  ): KernelPlan {
    const number = this.#kernels.length;
    const members = new Map([[anchor, coordinates]]);
    const kernel: KernelPlan = {
      kind,
      number,
      anchor,
      members,
      reductions: [],
      rows,
      columns,
      reads: new Set(reads),
    };
    this.#kernels.push(kernel);
    this.#setHome(kernel, anchor);
    return kernel;
  }

  #setHome(kernel: KernelPlan, value: number): void {
    this.#homes.set(value, kernel);
    this.#levels[value] = kernel.number;
    this.#weights[value] = 0;
    this.#leaves[value] = new Set([value]);
  }

  #setLazy(value: number, level: number, weight: number, leaves: ReadonlySet<number>): void {
    this.#levels[value] = level;
    this.#weights[value] = weight;
    this.#leaves[value] = leaves;
  }

  #levelOf(inputs: readonly number[]): number {
    return inputs.reduce((level, input) => Math.max(level, this.#levels[input] ?? -1), -1);
  }

  #leavesOf(inputs: readonly number[]): ReadonlySet<number> {
    const [first, ...others] = inputs;
    if (first === undefined) return new Set();
    if (others.length === 0) return this.#leaves[first] ?? new Set();
    return new Set(inputs.flatMap((input) => [...(this.#leaves[input] ?? [])]));
  }
}
