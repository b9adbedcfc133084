import { dirname, join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { ByteSource, SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { fileSource } from '@lorikeet/tensor-core/safetensors/node';
import { z } from 'zod';
import { asSafetensors, type FoundTensor } from '../pytorch/asSafetensors.ts';
import { readJsonFile } from './readJsonFile.ts';
import { readPytorch } from './readPytorch.ts';

/**
 * Opens a file of `torch.save`, such as `pytorch_model.bin`, or an index of several, as a safetensors file. Nothing that
 * the file asks for is run.
 *
 * @throws LorikeetError `invalid-file`, `missing-tensor`, `unsupported`.
 * @example
 * const file = await openPytorch('bert-base-uncased/pytorch_model.bin');
 * console.log([...file.entries.keys()]);
 * await file.close();
 */
export async function openPytorch(path: string): Promise<SafetensorsFile> {
  const sources: ByteSource[] = [];
  const close = async (): Promise<void> => {
    for (const source of sources) await source.close?.();
  };
  const read = async (file: string): Promise<ReadonlyMap<string, FoundTensor>> => {
    const source = await fileSource(file);
    sources.push(source);
    return (await readPytorch(source, file)).tensors;
  };
  try {
    const found = path.endsWith('.json') ? await readShards(path, read) : await read(path);
    return await asSafetensors(found, { name: path, close });
  } catch (fault) {
    await close();
    throw fault;
  }
}

const indexSchema = z.looseObject({
  // A name that could lead out of the folder is refused.
  weight_map: z.record(z.string(), z.string().regex(/^[\w-][\w.-]*\.bin$/)),
});

async function readShards(
  path: string,
  read: (file: string) => Promise<ReadonlyMap<string, FoundTensor>>,
): Promise<ReadonlyMap<string, FoundTensor>> {
  const parsed = indexSchema.safeParse(await readJsonFile(path, 'the index of the checkpoint'));
  if (!parsed.success)
    throw new LorikeetError('invalid-file', 'the index of the checkpoint cannot be read', {
      path,
      expected: 'weight_map, with files beside the index',
      received: z.prettifyError(parsed.error),
    });
  const map = Object.entries(parsed.data.weight_map);
  const shards = new Map<string, ReadonlyMap<string, FoundTensor>>();
  for (const shard of new Set(map.map(([, name]) => name)))
    shards.set(shard, await read(join(dirname(path), shard)));
  return new Map(
    map.map(([name, shard]) => {
      const tensor = shards.get(shard)?.get(name);
      if (tensor !== undefined) return [name, tensor];
      throw new LorikeetError('missing-tensor', 'a tensor is not where the index says', {
        path: `${join(dirname(path), shard)}: ${name}`,
      });
    }),
  );
}
