import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { fileSource } from '@lorikeet/tensor-core/safetensors/node';
import { robertaConfig } from '../fairseq/robertaConfig.ts';
import { robertaTensors } from '../fairseq/robertaTensors.ts';
import { asSafetensors } from '../pytorch/asSafetensors.ts';
import { readPytorch } from './readPytorch.ts';

/** A RoBERTa of fairseq, as transformers would have it. */
export interface FairseqCheckpoint {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: SafetensorsFile;
  /** What each id stands for: the lines of `dict.txt` between fairseq's own marks. */
  readonly dictionary: readonly string[];
}

/** fairseq's marks, before the lines of `dict.txt`. */
const marks: readonly string[] = ['<s>', '<pad>', '</s>', '<unk>'];

/**
 * Opens a folder with `model.pt` and `dict.txt`, as fairseq publishes RoBERTa. Nothing in the file is run.
 *
 * @param options `head`: the classification head, if there are several.
 * @throws LorikeetError `invalid-file`, `unexpected-tensor`, `no-match`; `shape-mismatch` if `dict.txt` has another number of
 *   entries than the model.
 * @see Ott et al. 2019, https://arxiv.org/abs/1904.01038
 */
export async function openFairseq(
  dir: string,
  options: { readonly head?: string | undefined } = {},
): Promise<FairseqCheckpoint> {
  const path = join(dir, 'model.pt');
  const source = await fileSource(path);
  const close = async (): Promise<void> => source.close?.();
  try {
    const { content, tensors: found } = await readPytorch(source, path);
    const tensors = robertaTensors(found, options.head, path);
    const config = robertaConfig(content, tensors, path);
    const dictionary = await readDictionary(join(dir, 'dict.txt'), Number(config.vocab_size));
    return { config, dictionary, tensors: await asSafetensors(tensors, { name: path, close }) };
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** Lines of an entry and its count. A mask that is not among them is the last entry, as in RoBERTa. */
async function readDictionary(path: string, size: number): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LorikeetError('invalid-file', 'the dictionary of the model cannot be read', {
      path,
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const entries = [...marks, ...lines.map((line) => line.slice(0, line.lastIndexOf(' ')))];
  const all = entries.includes('<mask>') ? entries : [...entries, '<mask>'];
  if (all.length === size) return all;
  throw new LorikeetError('shape-mismatch', 'the dictionary is not that of the model', {
    path,
    expected: `${size} entries`,
    received: `${all.length}`,
  });
}
