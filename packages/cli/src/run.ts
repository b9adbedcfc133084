import { isLorikeetError } from '@lorikeet/tensor-core';
import { Command, CommanderError } from 'commander';
import { CommandFailed } from './commandFailed.ts';
import { compareCommand } from './commands/compare.ts';
import { convertCommand } from './commands/convert.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evalCommand } from './commands/eval.ts';
import { exportCommand } from './commands/export.ts';
import { finetuneCommand } from './commands/finetune.ts';
import { generateCommand } from './commands/generate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { mergeCommand } from './commands/merge.ts';
import { newVariantCommand } from './commands/newVariant.ts';
import { parityCommand } from './commands/parity.ts';
import { pretrainCommand } from './commands/pretrain.ts';
import { resizeCommand } from './commands/resize.ts';
import { sweepCommand } from './commands/sweep.ts';
import { withExamples } from './withExamples.ts';

/**
 * Runs the `lorikeet` command. Results go to standard output, progress and errors to standard error.
 *
 * @returns the exit code: 0 done, 1 the work failed, 2 the call was wrong.
 */
export async function run(args: readonly string[]): Promise<0 | 1 | 2> {
  const program = new Command('lorikeet')
    .description('Parameter-efficient fine-tuning of transformers.')
    .showHelpAfterError('(add --help for the options)')
    .addCommand(doctorCommand())
    .addCommand(finetuneCommand())
    .addCommand(evalCommand())
    .addCommand(sweepCommand())
    .addCommand(compareCommand())
    .addCommand(generateCommand())
    .addCommand(mergeCommand())
    .addCommand(inspectCommand())
    .addCommand(resizeCommand())
    .addCommand(convertCommand())
    .addCommand(parityCommand())
    .addCommand(pretrainCommand())
    .addCommand(exportCommand())
    .addCommand(newVariantCommand());
  for (const command of [program, ...program.commands]) withExamples(command).exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CommandFailed) return 1;
    console.error(isLorikeetError(error) ? `error: ${error.message}` : error);
    return 1;
  }
}
