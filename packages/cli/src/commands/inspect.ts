import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '@lorikeet/peft-lora';
import { LorikeetError, sizeOf } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { Argument, Command } from 'commander';
import { integerOption, listOption, recordOption } from '../options.ts';
import { type PlanFlags, planAdapter } from '../planAdapter.ts';
import { readJson } from '../readJson.ts';

interface Inspection {
  readonly path: string;
  readonly kind: 'adapter' | 'model' | 'file';
  readonly config: unknown;
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
}

interface InspectFlags extends Omit<PlanFlags, 'plan'> {
  readonly plan?: readonly string[];
  readonly json?: true;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what is in an adapter, a model or a safetensors file, without loading it.')
    .addArgument(new Argument('<path>', 'folder of an adapter or a model, or a .safetensors file'))
    .option(
      '--plan <selectors>',
      'show what adapting these modules of a model would give',
      listOption,
    )
    .option('--method <name>', 'with --plan: the method', 'lora')
    .option('--options <json>', "with --plan: the method's options", recordOption, {})
    .option('--train <selectors>', 'with --plan: modules that train whole', listOption, [])
    .option('--batch-size <n>', 'with --plan: texts in a step', integerOption(1), 16)
    .option('--max-length <n>', 'with --plan: tokens of a text', integerOption(2), 128)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  lorikeet inspect spam-lora
  lorikeet inspect bert --plan '**.{query,value}' --options '{"rank":8}' --train classifier`,
    )
    .action(async (path: string, { json, plan, ...flags }: InspectFlags) => {
      if (plan !== undefined) {
        const planned = await planAdapter(path, { plan, ...flags });
        console.log(json ? JSON.stringify(planFigures(planned)) : String(planned));
        return;
      }
      const inspection = await inspect(path);
      console.log(json ? JSON.stringify(inspection) : format(inspection));
    });
}

function planFigures({ rows, trainable, total, bytes, fileBytes, step }: Plan): unknown {
  return {
    rows,
    trainable_parameters: trainable,
    total_parameters: total,
    trainable_bytes: bytes,
    file_bytes: fileBytes,
    step_bytes: step,
  };
}

async function inspect(path: string): Promise<Inspection> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
        received: cause instanceof Error ? cause.message : String(cause),
        cause,
      });
    },
  );
  const adapter = isFolder ? await readJson(join(path, 'adapter_config.json')) : undefined;
  const config = adapter ?? (isFolder ? await readJson(join(path, 'config.json')) : undefined);
  const file = await openSafetensors(path);
  try {
    const tensors = [...file.entries].map(([name, { dtype, shape, byteLength }]) => ({
      name,
      dtype,
      shape,
      byteLength,
    }));
    return {
      path,
      kind: adapter !== undefined ? 'adapter' : isFolder ? 'model' : 'file',
      config: config ?? null,
      parameters: tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      bytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
      tensors: tensors.map(({ byteLength: _, ...tensor }) => tensor),
    };
  } finally {
    await file.close();
  }
}

function format({ path, kind, config, parameters, bytes, tensors }: Inspection): string {
  const settings = Object.entries(config ?? {}).filter(
    ([, value]) => value !== null && value !== false && JSON.stringify(value) !== '{}',
  );
  return [
    `${kind} ${path}: ${tensors.length} tensors, ${parameters} parameters, ${bytes} bytes`,
    ...settings.map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ...tensors.map(({ name, dtype, shape }) => `${dtype}[${shape.join(',')}]  ${name}`),
  ].join('\n');
}
