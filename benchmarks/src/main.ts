import { Command, CommanderError } from 'commander';
import { attentionCommand } from './attention.ts';
import { compileCommand } from './compile.ts';
import { gemmCommand } from './gemm.ts';
import { generateCommand } from './generate.ts';
import { mergeCommand } from './merge.ts';
import { mixedCommand } from './mixed.ts';
import { overheadCommand } from './overhead.ts';
import { soakCommand } from './soak.ts';
import { stepCommand } from './step.ts';
import { svdCommand } from './svd.ts';

const bench = new Command('bench')
  .description('Measure. One benchmark a run; --json FILE writes the figures.')
  .showHelpAfterError('(add --help for the options)')
  .addCommand(attentionCommand())
  .addCommand(compileCommand())
  .addCommand(gemmCommand())
  .addCommand(generateCommand())
  .addCommand(mergeCommand())
  .addCommand(mixedCommand())
  .addCommand(overheadCommand())
  .addCommand(soakCommand())
  .addCommand(stepCommand())
  .addCommand(svdCommand());
for (const command of [bench, ...bench.commands]) command.exitOverride();
try {
  await bench.parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  // 1 the work failed, 2 the call was wrong.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
