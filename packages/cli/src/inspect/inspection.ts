import { join } from 'node:path';
import { sizeOf } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { isFolder } from '../adapterFolder.ts';
import { readJson } from '../readJson.ts';

/** What is in a folder or a file, as its headers tell. */
export interface Inspection {
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

/** Reads the headers alone. Throws `invalid-file`. */
export async function inspect(path: string): Promise<Inspection> {
  const hasFiles = await isFolder(path);
  const adapter = hasFiles ? await readJson(join(path, 'adapter_config.json')) : undefined;
  const config = adapter ?? (hasFiles ? await readJson(join(path, 'config.json')) : undefined);
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
      kind: adapter !== undefined ? 'adapter' : hasFiles ? 'model' : 'file',
      config: config ?? null,
      parameters: tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      bytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
      tensors: tensors.map(({ byteLength: _, ...tensor }) => tensor),
    };
  } finally {
    await file.close();
  }
}

export function formatInspection({
  path,
  kind,
  config,
  parameters,
  bytes,
  tensors,
}: Inspection): string {
  const settings = Object.entries(config ?? {}).filter(
    ([, value]) => value !== null && value !== false && JSON.stringify(value) !== '{}',
  );
  return [
    `${kind} ${path}: ${tensors.length} tensors, ${parameters} parameters, ${bytes} bytes`,
    ...settings.map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ...tensors.map(({ name, dtype, shape }) => `${dtype}[${shape.join(',')}]  ${name}`),
  ].join('\n');
}
