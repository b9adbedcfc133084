import { LorikeetError } from '@lorikeet/tensor-core';
import { Argument, Command, Option } from 'commander';
import {
  type KeyStyle,
  keyStyles,
  type ModuleSource,
  readAdapterKeys,
  writeAdapterKeys,
} from '../convert/adapterKeys.ts';

interface ConvertFlags extends ModuleSource {
  readonly to: KeyStyle;
  readonly output: string;
  readonly json?: true;
}

export function convertCommand(): Command {
  return new Command('convert')
    .description('Write an adapter under the keys of PEFT, of kohya or of diffusers.')
    .addArgument(
      new Argument('<adapter>', 'folder of PEFT, or a folder of such, or a .safetensors file'),
    )
    .addOption(new Option('--to <style>', 'keys to write').choices(keyStyles).makeOptionMandatory())
    .requiredOption('--out, --output <path>', 'folder for PEFT, else a .safetensors file')
    .addOption(
      new Option('--base <dir>', 'the model or pipeline, to know its modules').conflicts('modules'),
    )
    .option('--modules <file>', 'list of its modules, in place of the model')
    .option('--part <name>', 'what the adapter is for, where it does not say', 'unet')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Keys of kohya have _ for every dot of a path: to read them, the modules of the model must be known, from its checkpoint
or from a list (a path a line, or JSON). A name that may be two modules is refused.

Examples:
  lorikeet convert my-lora --to kohya --out my-lora.safetensors
  lorikeet convert my-lora --to diffusers --part text_encoder --out pytorch_lora_weights.safetensors
  lorikeet convert style.safetensors --to peft --base stable-diffusion --out style
  lorikeet convert style.safetensors --to diffusers --modules unet.txt --out style-diffusers.safetensors --json`,
    )
    .action(async (adapter: string, { to, output, json, ...source }: ConvertFlags) => {
      const { style, parts } = await readAdapterKeys(adapter, source);
      if (style === to)
        throw new LorikeetError('invalid-argument', `the adapter has the keys of ${to} already`, {
          path: adapter,
        });
      await writeAdapterKeys({ parts }, to, output, source);
      const modules = Object.fromEntries([...parts].map(([part, found]) => [part, found.length]));
      if (json) {
        console.log(JSON.stringify({ from: style, to, output, modules }));
        return;
      }
      for (const [part, count] of Object.entries(modules))
        console.log(`${part}: ${count} modules, from ${style} to ${to}`);
      console.log(output);
    });
}
