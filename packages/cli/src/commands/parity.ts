import { Argument, Command } from 'commander';
import { useBackendOption } from '../backends.ts';
import { CommandFailed } from '../commandFailed.ts';
import { listOption } from '../options.ts';
import { checkFolder } from '../parity/checkFolder.ts';
import { formatRow, type ParityRow } from '../parity/row.ts';

interface ParityFlags {
  readonly only?: readonly string[];
  readonly case?: string;
  readonly backend?: string;
  readonly json?: true;
}

export function parityCommand(): Command {
  return new Command('parity')
    .description(
      'Compare with reference values from PyTorch, Transformers and PEFT; a row for each tensor.',
    )
    .addArgument(new Argument('<dirs...>', 'folders in the layout of shared/golden'))
    .option(
      '--only <families>',
      'only models, and adapters on models, of these types, as bert,gpt2',
      listOption,
    )
    .option('--case <text>', 'only cases whose path contains this')
    .option('--backend <name>', 'backend to compute on')
    .option('--json', 'print a JSON object a line')
    .addHelpText('after', '\nExample:\n  lorikeet parity ../shared/golden --only bert,gpt2')
    .action(async (dirs: string[], { only, case: part, backend, json }: ParityFlags) => {
      await useBackendOption(backend);
      let [passed, failed, unsupported] = [0, 0, 0];
      for (const dir of dirs) {
        for await (const row of checkFolder(dir, { only, part })) {
          console.log(json ? JSON.stringify(row) : formatRow(row));
          if (row.pass) passed += 1;
          else if (isUnsupported(row)) unsupported += 1;
          else failed += 1;
        }
      }
      console.error(`${passed} passed, ${failed} failed, ${unsupported} not supported`);
      if (failed + unsupported > 0 || passed === 0) throw new CommandFailed();
    });
}

function isUnsupported({ reason }: ParityRow): boolean {
  return reason?.startsWith('not supported') === true;
}
