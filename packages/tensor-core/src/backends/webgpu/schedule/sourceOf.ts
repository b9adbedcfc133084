import type { Instruction } from '../../../program.ts';
import { isView } from '../codegen/inlineRules.ts';
import type { ProgramValues } from './programValues.ts';

/** What a view is of, through all views between, and the most users that any value on the way has. */
export function sourceOf(
  view: Instruction,
  values: ProgramValues,
): readonly [source: number, sharers: number] {
  let made: Instruction | undefined = view;
  let source = -1;
  let sharers = 0;
  while (made !== undefined && isView(made)) {
    source = made.inputs[0] ?? -1;
    sharers = Math.max(sharers, values.users[source]?.length ?? 0);
    made = values.instruction(source);
  }
  return [source, sharers];
}
