import { readHeader } from './header.ts';
import { readAsDType, readStored } from './readTensor.ts';
import { requireEntry, type SafetensorsFile } from './safetensorsFile.ts';
import type { ByteSource } from './source.ts';

/**
 * Opens a safetensors file: reads its header, checks it in full, and reads tensors one by one on
 * demand. The data goes straight into the array that is returned, a chunk at a time.
 *
 * `name` is what errors call the file. The source belongs to the file from here on: `close` closes
 * it, and so does a fault in the header. Throws `invalid-file`.
 *
 * Format: https://huggingface.co/docs/safetensors
 *
 * @example
 * const file = await readSafetensors(blobSource(blob), { name: blob.name });
 * for (const [name, { dtype, shape }] of file.entries) console.log(name, dtype, shape);
 * const weight = await file.readAs('classifier.weight', 'f32');
 */
export async function readSafetensors(
  source: ByteSource,
  { name = 'safetensors file' }: { readonly name?: string | undefined } = {},
): Promise<SafetensorsFile> {
  const { metadata, entries, dataOffset } = await headerOrClose(source, name);
  return {
    name,
    metadata,
    entries,
    async read(tensor) {
      const place = { file: name, tensor };
      const entry = requireEntry(entries, place);
      return readStored(source, dataOffset + entry.begin, entry, place);
    },
    async readAs(tensor, dtype) {
      const place = { file: name, tensor };
      const entry = requireEntry(entries, place);
      return readAsDType(source, dataOffset + entry.begin, entry, dtype, place);
    },
    async close() {
      await source.close?.();
    },
  };
}

async function headerOrClose(source: ByteSource, name: string): ReturnType<typeof readHeader> {
  try {
    return await readHeader(source, name);
  } catch (fault) {
    await source.close?.();
    throw fault;
  }
}
