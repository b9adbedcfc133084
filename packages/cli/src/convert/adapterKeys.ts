import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  adapterEntries,
  type KeyedModule,
  type KeyedParts,
  kohyaPartOf,
  readDiffusersKeys,
  readKohyaKeys,
  readPeftKeys,
  writeDiffusersKeys,
  writeKohyaKeys,
  writePeftKeys,
} from '@lorikeet/peft-lora';
import { saveEncoded } from '@lorikeet/peft-lora/node';
import { LorikeetError } from '@lorikeet/tensor-core';
import { saveSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { adapterConfig, isFolder } from '../adapterFolder.ts';
import { type ModulePaths, modulesInList, modulesOfModel } from './modulePaths.ts';
import { readTensors } from './readTensors.ts';

export const keyStyles = ['peft', 'kohya', 'diffusers'] as const;
export type KeyStyle = (typeof keyStyles)[number];

/** Where the paths of the model's modules come from, and which part an adapter is for that does not say. */
export interface ModuleSource {
  readonly base?: string;
  readonly modules?: string;
  readonly part: string;
}

export interface AdapterKeys {
  readonly style: KeyStyle;
  readonly parts: KeyedParts;
}

/** Reads an adapter in any of the styles. */
export async function readAdapterKeys(path: string, source: ModuleSource): Promise<AdapterKeys> {
  if (await isFolder(path)) return { style: 'peft', parts: await readFolders(path, source.part) };
  const { tensors, metadata } = await readTensors(path);
  const named = new Set([...tensors.keys()].flatMap((key) => kohyaPartOf(key) ?? []));
  if (named.size > 0) {
    // A model that is no pipeline is of the only part.
    const [part = source.part] = named.size === 1 ? named : [];
    const modules = await pathsFrom({ ...source, part }, [...named]);
    if (modules === undefined)
      throw new LorikeetError('invalid-argument', 'keys of kohya do not tell _ from a dot', {
        path,
        expected: '--base MODEL or --modules FILE, to know the paths of the modules',
      });
    return { style: 'kohya', parts: await readKohyaKeys(tensors, { modules }) };
  }
  const about = metadata.get('lora_adapter_metadata');
  const parts = await readDiffusersKeys(tensors, { part: source.part, metadata: about });
  return { style: 'diffusers', parts };
}

/** Writes an adapter: a folder for PEFT, or one for each part; else a file. */
export async function writeAdapterKeys(
  { parts }: Pick<AdapterKeys, 'parts'>,
  style: KeyStyle,
  output: string,
  source: ModuleSource,
): Promise<void> {
  if (style === 'peft') {
    const known = await pathsFrom(source, [...parts.keys()]);
    const folders = [...parts].map(([part, modules]) => {
      const folder = parts.size === 1 ? output : join(output, part);
      return [folder, writePeftKeys(modules, { modules: known?.[part] ?? [] })] as const;
    });
    for (const [folder, encoded] of folders) await saveEncoded(encoded, folder);
    return;
  }
  if (!output.endsWith('.safetensors'))
    throw new LorikeetError('invalid-argument', `${style} keeps an adapter in one file`, {
      expected: 'a name that ends in .safetensors',
      received: output,
    });
  const tensors = style === 'kohya' ? writeKohyaKeys(parts) : writeDiffusersKeys(parts);
  await saveSafetensors(output, await adapterEntries(tensors), [['format', 'pt']]);
}

/** The folder of an adapter, or a folder with one for each part. */
async function readFolders(path: string, part: string): Promise<KeyedParts> {
  if (existsSync(join(path, 'adapter_config.json')))
    return new Map([[part, await readFolder(path)]]);
  const parts = new Map<string, readonly KeyedModule[]>();
  for (const { name } of await readdir(path, { withFileTypes: true })) {
    const folder = join(path, name);
    if (existsSync(join(folder, 'adapter_config.json'))) parts.set(name, await readFolder(folder));
  }
  // Refuses the folder, in the words for one adapter.
  if (parts.size === 0) await adapterConfig(path);
  return parts;
}

async function readFolder(dir: string): Promise<readonly KeyedModule[]> {
  const config = await adapterConfig(dir);
  const { tensors } = await readTensors(join(dir, 'adapter_model.safetensors'));
  return readPeftKeys({ config, tensors });
}

async function pathsFrom(
  { base, modules, part }: ModuleSource,
  parts: readonly string[],
): Promise<ModulePaths | undefined> {
  if (modules !== undefined) return modulesInList(modules, parts);
  return base === undefined ? undefined : modulesOfModel(base, part);
}
