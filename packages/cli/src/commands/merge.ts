import { load, save } from '@lorikeet/model-zoo/node';
import { merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { Command } from 'commander';
import { useBackendOption } from '../backends.ts';

interface MergeFlags {
  readonly model: string;
  readonly adapter: string;
  readonly output: string;
  readonly backend?: string;
  readonly safe: boolean;
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('Work an adapter into its model and save a plain model.')
    .requiredOption('--model <dir>', 'folder of the base model')
    .requiredOption('--adapter <dir>', 'folder of the adapter')
    .requiredOption('--output <dir>', 'folder to write')
    .option('--backend <name>', 'backend to compute on')
    .option('--no-safe', 'do not refuse weights that are not finite')
    .addHelpText(
      'after',
      '\nExample:\n  lorikeet merge --model bert --adapter spam-lora --output bert-spam',
    )
    .action(async (flags: MergeFlags) => {
      await useBackendOption(flags.backend);
      const tuned = await loadAdapter(await load(flags.model), flags.adapter);
      const merged = flags.safe ? await merge(tuned, { safe: true }) : merge(tuned);
      await save(merged, flags.output);
      console.log(flags.output);
    });
}
