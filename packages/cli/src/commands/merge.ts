import { load, save } from '@lorikeet/model-zoo/node';
import { merge } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { Command, Option } from 'commander';
import { useBackendOption } from '../backends.ts';

interface MergeFlags {
  readonly model: string;
  readonly adapter: string;
  readonly output: string;
  readonly backend?: string;
  readonly safe: boolean;
  readonly dtype?: 'f32' | 'f16' | 'bf16';
  readonly requantise?: true;
  readonly report?: true;
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('Work an adapter into its model and save a plain model.')
    .requiredOption('--model <dir>', 'folder of the base model')
    .requiredOption('--adapter <dir>', 'folder of the adapter')
    .requiredOption('--output <dir>', 'folder to write')
    .option('--backend <name>', 'backend to compute on')
    .addOption(new Option('--dtype <name>', 'of merged weights').choices(['f32', 'f16', 'bf16']))
    .option('--requantise', 'store weights that were adapted on a quantised base as the base is')
    .option('--report', 'print how far each merged weight is off, and how far it may be')
    .option('--no-safe', 'do not refuse weights that are not finite')
    .addHelpText(
      'after',
      '\nExample:\n  lorikeet merge --model bert --adapter spam-lora --output bert-spam',
    )
    .action(async (flags: MergeFlags) => {
      await useBackendOption(flags.backend);
      const tuned = await loadAdapter(await load(flags.model), flags.adapter);
      const { dtype, requantise, report: isAsked } = flags;
      const form = {
        ...(dtype === undefined ? {} : { dtype }),
        ...(requantise === undefined ? {} : { quantised: 'requantise' as const }),
      };
      if (isAsked === true) {
        const { model, report } = await merge(tuned, { ...form, safe: flags.safe, report: true });
        await save(model, flags.output);
        console.log(String(report));
      } else {
        const merged = flags.safe
          ? await merge(tuned, { ...form, safe: true })
          : merge(tuned, form);
        await save(merged, flags.output);
      }
      console.log(flags.output);
    });
}
