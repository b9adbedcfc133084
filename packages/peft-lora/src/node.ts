/** Adapters in folders, in Node. */
import { randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import { openSafetensors, saveSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { requireFreeName } from './adapt.ts';
import { adapterNames } from './layers.ts';
import { adapterEntries } from './peft/adapterEntries.ts';
import { type AdapterFiles, type DecodeOptions, decodeAdapter } from './peft/decodeAdapter.ts';
import { decodeWithoutBase } from './peft/decodeWithoutBase.ts';
import { encodeAdapter } from './peft/encodeAdapter.ts';
import type { EncodedAdapter, EncodeOptions } from './peft/encodedAdapter.ts';
import { settle } from './settle.ts';

const configName = 'adapter_config.json';
const weightsName = 'adapter_model.safetensors';
/** Far more than any config has: one of all layers of a large model takes some hundred KiB. */
const maxConfigBytes = 2 ** 24;

/**
 * Puts an adapter in Hugging Face PEFT's format on its base model.
 *
 * @param dir the adapter's folder, or one in which `saveAdapter` put an adapter of this name.
 * @throws LorikeetError as `decodeAdapter` does; `invalid-file`, `invalid-config`.
 * @example
 * const tuned = await loadAdapter(model, 'spam-lora');
 */
export async function loadAdapter<T>(
  model: T,
  dir: string,
  options: DecodeOptions = {},
): Promise<T> {
  const { name = 'default' } = options;
  requireFreeName(model, name);
  return withFiles(dir, name, (files) => decodeAdapter(model, files, options));
}

/**
 * Reads an adapter in Hugging Face PEFT's format without its base model, to analyse, resize or combine it.
 *
 * @param dir as for `loadAdapter`.
 * @throws LorikeetError as `decodeWithoutBase` does; `invalid-file`, `invalid-config`.
 * @example
 * console.log(String(await analyseAdapter(await loadWithoutBase('spam-lora'), { drift: false })));
 */
export async function loadWithoutBase(dir: string, options: DecodeOptions = {}): Promise<unknown> {
  const { name = 'default' } = options;
  requireFreeName({}, name);
  return withFiles(dir, name, (files) => decodeWithoutBase(files, options));
}

async function withFiles<T>(
  dir: string,
  name: string,
  use: (files: AdapterFiles) => Promise<T>,
): Promise<T> {
  const folder = (await exists(join(dir, name, configName))) ? join(dir, name) : dir;
  const config = await readConfig(join(folder, configName));
  await refusePickle(folder);
  const tensors = await openSafetensors(join(folder, weightsName));
  try {
    return await use({ config, tensors });
  } finally {
    await tensors.close();
  }
}

/**
 * Saves one adapter as PEFT does: the one named `default` in `dir` itself, any other in a folder of its name.
 *
 * @returns the folder that was written.
 * @throws LorikeetError as `encodeAdapter` does.
 */
export async function saveAdapter(
  tuned: unknown,
  dir: string,
  options: EncodeOptions = {},
): Promise<string> {
  const { name = 'default' } = options;
  const folder = name === 'default' ? dir : join(dir, name);
  const settled = adapterNames(tuned).includes(name) ? await settle(tuned, name) : tuned;
  await saveEncoded(encodeAdapter(settled, options), folder);
  return folder;
}

/** Writes the files of an adapter. Each is whole before it gets its name, the config last. */
export async function saveEncoded(
  { config, tensors }: EncodedAdapter,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const entries = await adapterEntries(tensors);
  await saveSafetensors(join(folder, weightsName), entries, [['format', 'pt']]);
  const staged = join(folder, `.${configName}.${randomUUID()}.tmp`);
  try {
    await writeFile(staged, `${JSON.stringify(config, null, 2)}\n`, { flush: true });
    await rename(staged, join(folder, configName));
  } catch (fault) {
    await rm(staged, { force: true });
    throw fault;
  }
}

async function readConfig(path: string): Promise<unknown> {
  const refuse = (code: 'invalid-file' | 'invalid-config', received: string, cause?: unknown) =>
    new LorikeetError(code, 'the config of the adapter cannot be read', {
      path,
      expected: 'an adapter_config.json as Hugging Face PEFT writes it',
      received,
      cause,
    });
  const text = await readText(path).catch((cause: unknown) => {
    throw refuse('invalid-file', messageOf(cause), cause);
  });
  if (text === undefined) throw refuse('invalid-config', `more than ${maxConfigBytes} bytes`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refuse('invalid-config', messageOf(cause), cause);
  }
}

async function readText(path: string): Promise<string | undefined> {
  const { size } = await stat(path);
  return size > maxConfigBytes ? undefined : readFile(path, 'utf8');
}

/** Old adapters are pickles, which are programs: they are not run. */
async function refusePickle(folder: string): Promise<void> {
  const pickle = join(folder, 'adapter_model.bin');
  if ((await exists(join(folder, weightsName))) || !(await exists(pickle))) return;
  throw new LorikeetError('unsupported', 'the adapter is stored as a pickle', {
    path: pickle,
    expected: weightsName,
    hint: 'load it with PEFT and save it again: newer releases write safetensors',
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
