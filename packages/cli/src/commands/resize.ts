import { resolve } from 'node:path';
import { countParameters } from '@lorikeet/nn';
import { encodeAdapter, isTrainable, type ResizedRow, resizeAdapter } from '@lorikeet/peft-lora';
import { saveAdapter } from '@lorikeet/peft-lora/node';
import { LorikeetError } from '@lorikeet/tensor-core';
import { Argument, Command, Option } from 'commander';
import { adapterConfig, openAdapter } from '../adapterFolder.ts';
import { inspect } from '../inspect/inspection.ts';
import { integerOption, partOption } from '../options.ts';

interface ResizeFlags {
  readonly rank?: number;
  readonly energy?: number;
  readonly output: string;
  readonly base?: string;
  readonly json?: true;
}

export function resizeCommand(): Command {
  return new Command('resize')
    .description('Give a LoRA another rank, by exact compression, and tell what is kept.')
    .addArgument(new Argument('<adapter>', 'folder of the adapter'))
    .addOption(
      new Option('--rank <n>', 'of every weight').argParser(integerOption(1)).conflicts('energy'),
    )
    .option(
      '--energy <part>',
      'of each weight, which gets the lowest rank that keeps it',
      partOption,
    )
    .requiredOption('--out, --output <dir>', 'folder to write')
    .option('--base <dir>', 'the base model, for adapters that need it, such as PiSSA')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  lorikeet resize spam-lora --rank 4 --out spam-lora-4
  lorikeet resize spam-lora --energy 0.95 --out spam-lora-small --json
  lorikeet resize spam-pissa --energy 0.99 --base bert --out spam-lora`,
    )
    .action(resize);
}

async function resize(dir: string, flags: ResizeFlags): Promise<void> {
  const { rank, energy, output, base, json } = flags;
  if (rank === undefined && energy === undefined)
    throw new LorikeetError('invalid-argument', 'how small the adapter is to be', {
      expected: '--rank or --energy',
      received: 'neither',
    });
  if (resolve(dir) === resolve(output))
    throw new LorikeetError('invalid-argument', 'the adapter would be written over', {
      expected: 'another folder',
      received: output,
    });
  const config = await adapterConfig(dir);
  const tuned = await openAdapter(dir, base);
  const choice = rank === undefined ? { energy: energy ?? 1 } : { rank };
  const { model, rows } = await resizeAdapter(tuned, choice);
  if (base === undefined) await requireNoTables(dir, model);
  await saveAdapter(model, output, {
    ...textOf(config.task_type, 'taskType'),
    ...textOf(config.base_model_name_or_path, 'baseModel'),
  });
  const [before, after] = [tuned, model].map((tree) => countParameters(tree, isTrainable));
  if (json) {
    const modules = rows.map(({ before: rank_before, ...row }) => ({ ...row, rank_before }));
    console.log(JSON.stringify({ output, modules, parameters_before: before, parameters: after }));
    return;
  }
  console.log(format(rows));
  console.log(`${before} parameters before, ${after} now`);
  console.log(output);
}

/** PEFT saves tables of the base beside some adapters. Without the base it is not known whether they are its own. */
async function requireNoTables(dir: string, model: unknown): Promise<void> {
  const { tensors } = encodeAdapter(model);
  const found = (await inspect(dir)).tensors.find(
    ({ name }) => !tensors.has(name) && !/\.lora_\w+(\.weight)?$/.test(name),
  );
  if (found === undefined) return;
  throw new LorikeetError('unsupported', 'the adapter brings a weight of its base model', {
    path: found.name,
    hint: 'give the base model with --base, so that both can be compared',
  });
}

function format(rows: readonly ResizedRow[]): string {
  const width = Math.max(...rows.map(({ path }) => path.length));
  return rows
    .map(
      ({ path, before, rank, energy }) =>
        `${path.padEnd(width)}  rank ${before} -> ${rank}  keeps ${(100 * energy).toFixed(3)} %`,
    )
    .join('\n');
}

function textOf(value: unknown, field: 'taskType' | 'baseModel'): Record<string, string> {
  return typeof value === 'string' ? { [field]: value } : {};
}
