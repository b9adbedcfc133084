import type { KernelBinding, KernelWriter } from '../codegen/kernelWriter.ts';
import type { Place } from '../codegen/place.ts';
import { samePlace } from '../codegen/place.ts';
import type { KernelPlan } from '../schedule/kernelPlan.ts';
import type { ProgramValues } from '../schedule/programValues.ts';

/** How the steps of a kernel are spread over a device. */
export type Tiling = 'workgroup' | 'register';

/** One kernel as it is given to a device. */
export interface KernelText {
  /** The ops that it is there for. */
  readonly name: string;
  readonly path: string | undefined;
  readonly wgsl: string;
  readonly bindings: readonly KernelBinding[];
  /** Number of workgroups, in one line. */
  readonly groups: number;
  readonly flops: number;
}

/** How many threads a device takes together, at least and at most. */
export interface SubgroupSizes {
  readonly min: number;
  readonly max: number;
}

/** What a kernel is written from. */
export interface EmitArguments {
  readonly plan: KernelPlan;
  readonly values: ProgramValues;
  readonly writer: KernelWriter;
  /** Members that are kept. */
  readonly stored: readonly number[];
  readonly tiling: Tiling;
  /** Of a device whose threads can give values to each other. */
  readonly subgroups: SubgroupSizes | undefined;
  /**
   * Whether the driver has to be kept from taking short loops apart: one that compiles for a CPU takes seconds for the text
   * that this gives.
   */
  readonly keepsLoops: boolean;
}

/** What is written for a kernel besides the lines in its writer. */
export interface KernelForm {
  readonly workgroup: number;
  readonly groups: number;
  readonly header?: string;
}

/** The place of a workgroup in one line: a side of the grid has 65,535 at most. */
export const groupIndex = 'group.x + group.y * groups.x';

export function sameCoordinates(a: readonly Place[], b: readonly Place[]): boolean {
  return a.every((place, axis) => {
    const other = b[axis];
    return other !== undefined && samePlace(place, other);
  });
}

export function coordinatesOf(plan: KernelPlan, member: number): readonly Place[] {
  return plan.members.get(member) ?? [];
}
