import { identityOf } from './identity.ts';
import { formatProgram, type Program } from './program.ts';

/** The text of a program, and which ops its names stand for: two plug-ins may call theirs alike. */
export function programKey(program: Program): string {
  const ops = new Set(program.instructions.map(({ op }) => identityOf(op)));
  return `${formatProgram(program)}\n${[...ops].join(' ')}`;
}
