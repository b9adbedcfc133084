import { Command } from 'commander';
import { compileCommand } from './compile.ts';
import { gemmCommand } from './gemm.ts';
import { overheadCommand } from './overhead.ts';
import { stepCommand } from './step.ts';

await new Command('bench')
  .description('Measure. One benchmark a run; --json FILE writes the figures.')
  .addCommand(compileCommand())
  .addCommand(gemmCommand())
  .addCommand(overheadCommand())
  .addCommand(stepCommand())
  .parseAsync(process.argv.slice(2), { from: 'user' });
