import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError, sizeOf } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { Argument, Command } from 'commander';
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

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what is in an adapter, a model or a safetensors file, without loading it.')
    .addArgument(new Argument('<path>', 'folder of an adapter or a model, or a .safetensors file'))
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  lorikeet inspect spam-lora')
    .action(async (path: string, { json }: { json?: true }) => {
      const inspection = await inspect(path);
      console.log(json ? JSON.stringify(inspection) : format(inspection));
    });
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
