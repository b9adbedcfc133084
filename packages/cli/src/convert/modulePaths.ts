import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { z } from 'zod';
import { isFolder } from '../adapterFolder.ts';

export type ModulePaths = Readonly<Record<string, readonly string[]>>;

const listing = z.union([z.array(z.string()), z.record(z.string(), z.array(z.string()))]);
const weightNames = [
  'model.safetensors',
  'model.safetensors.index.json',
  'diffusion_pytorch_model.safetensors',
  'diffusion_pytorch_model.safetensors.index.json',
];

/** Paths of all modules of a model's folder; of a pipeline's, those of each part, which is a folder in it. */
export async function modulesOfModel(dir: string, part: string): Promise<ModulePaths> {
  if (!(await isFolder(dir))) return { [part]: await modulesIn(dir) };
  const own = weightsIn(dir);
  if (own !== undefined) return { [part]: await modulesIn(own) };
  const folders = (await readdir(dir, { withFileTypes: true })).filter((found) =>
    found.isDirectory(),
  );
  const parts: Record<string, readonly string[]> = {};
  for (const { name } of folders) {
    const weights = weightsIn(join(dir, name));
    if (weights !== undefined) parts[name] = await modulesIn(weights);
  }
  if (Object.keys(parts).length > 0) return parts;
  throw new LorikeetError('invalid-file', `'${dir}' holds no model`, {
    expected: `${weightNames.join(', ')}, or folders with one of these`,
  });
}

/** A list of paths from a file: a line each, a JSON list, or JSON lists by the part. A plain list is for every part. */
export async function modulesInList(path: string, parts: readonly string[]): Promise<ModulePaths> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  const found = listing.safeParse(/^\s*[[{]/.test(text) ? parsed(text) : text.split(/\s+/));
  if (!found.success)
    throw new LorikeetError('invalid-file', 'no list of modules', {
      path,
      expected: 'a path a line, a JSON list of paths, or a JSON object of such lists by the part',
      received: text.slice(0, 60),
    });
  const { data } = found;
  if (!Array.isArray(data)) return data;
  const paths = data.filter((line) => line !== '');
  return Object.fromEntries(parts.map((part) => [part, paths]));
}

async function modulesIn(path: string): Promise<string[]> {
  const file = await openSafetensors(path);
  try {
    const names = [...file.entries.keys()].filter((name) => name.includes('.'));
    return [...new Set(names.map((name) => name.slice(0, name.lastIndexOf('.'))))];
  } finally {
    await file.close();
  }
}

function weightsIn(dir: string): string | undefined {
  return weightNames.map((name) => join(dir, name)).find((path) => existsSync(path));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
