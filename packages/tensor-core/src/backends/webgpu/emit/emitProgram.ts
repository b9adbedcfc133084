import { sizeOf } from '../../../shape.ts';
import { inlineRule } from '../codegen/inlineRules.ts';
import { KernelWriter } from '../codegen/kernelWriter.ts';
import type { KernelKind, KernelPlan } from '../schedule/kernelPlan.ts';
import type { ProgramValues } from '../schedule/programValues.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { emitAttention } from './emitAttention.ts';
import { emitDot } from './emitDot.ts';
import { emitMap } from './emitMap.ts';
import { emitReduce } from './emitReduce.ts';
import { emitScan } from './emitScan.ts';
import { emitSort } from './emitSort.ts';
import type { InPlacePlan } from './inPlacePlan.ts';
import type { EmitArguments, KernelForm, KernelText, SubgroupSizes, Tiling } from './kernelText.ts';

export interface EmitOptions {
  readonly maxBindingBytes: number;
  readonly tiling: Tiling;
  readonly subgroups: SubgroupSizes | undefined;
  readonly keepsLoops: boolean;
  /** Told which results may be written over what is given. */
  readonly inPlace: InPlacePlan;
}

const emitters: Readonly<Record<KernelKind, (args: EmitArguments) => KernelForm>> = {
  map: emitMap,
  reduce: emitReduce,
  scan: emitScan,
  dot: emitDot,
  sort: emitSort,
  attention: emitAttention,
};

/**
 * The kernels of a program in the order in which they run. They are written from the last to the first: what a kernel
 * keeps is what later ones read, and one of which nothing is kept is not there.
 */
export function emitProgram(
  values: ProgramValues,
  { kernels, homes }: Schedule,
  options: EmitOptions,
): KernelText[] {
  const needed = new Set(values.program.outputs);
  for (const plan of kernels)
    if (plan.kind !== 'map') for (const member of plan.members.keys()) values.widen(member);
  const texts: KernelText[] = [];
  for (const plan of kernels.toReversed()) {
    const stored = [...plan.members.keys()].filter((value) => needed.has(value));
    if (stored.length === 0) continue;
    const write = (
      inPlace: ReadonlyMap<number, number>,
    ): { readonly writer: KernelWriter; readonly form: KernelForm } => {
      const writer = new KernelWriter({
        ruleOf: inlineRule,
        values,
        // What is stored only later, since others want it, is still computed here.
        isStored: (value) =>
          value < values.first || (homes.get(value)?.number ?? plan.number) < plan.number,
        isInArena: (value) => value >= values.first && !values.program.outputs.includes(value),
        maxBindingBytes: options.maxBindingBytes,
        inPlace,
      });
      const { tiling, subgroups, keepsLoops } = options;
      const given = { plan, values, writer, stored, tiling, subgroups, keepsLoops };
      const form = emitters[plan.kind](given);
      return { writer, form };
    };
    const first = write(new Map());
    const replaced = options.inPlace.replacements(stored, first.writer.accesses);
    const { writer, form } = replaced.size === 0 ? first : write(replaced);
    options.inPlace.add(stored, writer.reads);
    const { wgsl, bindings } = writer.finish({
      workgroup: [form.workgroup],
      ...(form.header === undefined ? {} : { header: form.header }),
    });
    for (const value of writer.reads) needed.add(value);
    texts.push({
      ...nameOf(plan, values),
      wgsl,
      bindings,
      groups: form.groups,
      flops: flopsOf(plan, values),
    });
  }
  return texts.reverse();
}

function nameOf(
  plan: KernelPlan,
  values: ProgramValues,
): { name: string; path: string | undefined } {
  const ops = [...plan.members.keys()].map((value) => values.instruction(value)?.op.name ?? '');
  const rest = ops.length > 4 ? ` +${ops.length - 4}` : '';
  const path = values.instruction(plan.anchor)?.path;
  return { name: `${ops.slice(0, 4).join('+')}${rest}`, path };
}

/** Floating-point operations, counted for contractions by their definition and else as one for each element. */
function flopsOf(plan: KernelPlan, values: ProgramValues): number {
  const made = values.instruction(plan.anchor);
  if (plan.kind !== 'dot' || made === undefined) return plan.rows * plan.columns;
  const [a = -1] = made.inputs;
  const { contract } = made.attributes as { readonly contract: readonly (readonly number[])[] };
  const { shape } = values.type(a);
  return (
    2 * sizeOf(made.type.shape) * sizeOf((contract[0] ?? []).map((axis) => shape[axis] as number))
  );
}
