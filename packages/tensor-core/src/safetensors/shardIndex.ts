import { invalidFile, quote } from './fault.ts';
import { maxHeaderBytes } from './header.ts';
import { JsonScanner } from './jsonScanner.ts';
import { type ByteSource, readText } from './source.ts';

/** Reads the text of an index, and closes its source. */
export async function readIndexText(source: ByteSource, file: string): Promise<string> {
  try {
    if (source.size <= maxHeaderBytes)
      return await readText(source, 0, source.size, { file }, 'index');
    throw invalidFile({ file }, 'the index is too long', {
      expected: `at most ${maxHeaderBytes} bytes`,
      received: `${source.size} bytes`,
      hint: 'give the path of the *.safetensors.index.json file',
    });
  } finally {
    await source.close?.();
  }
}

/** Which shard each tensor is in, by the text of an index. */
export function parseIndex(text: string, file: string): ReadonlyMap<string, string> {
  const shardOf = new Map<string, string>();
  const scanner = new JsonScanner(text, file, 'index');
  let hasMap = false;
  scanner.object((key) => {
    if (key !== 'weight_map') return scanner.skip();
    hasMap = true;
    scanner.object((tensor) => {
      scanner.tensor = tensor;
      shardOf.set(tensor, requirePlainName(scanner.string(), file, tensor));
      scanner.tensor = undefined;
    });
  });
  scanner.end();
  if (hasMap) return shardOf;
  throw invalidFile({ file }, 'the index lacks its weight_map', {
    expected: '"weight_map": an object from tensor names to file names',
    received: 'no "weight_map"',
    hint: 'give the path of a *.safetensors.index.json file',
  });
}

/** A shard lies beside its index: nothing in an index may point out of that folder. */
function requirePlainName(name: string, file: string, tensor: string): string {
  const isPlain =
    !/[/\\:\p{Control}]/u.test(name) && !name.startsWith('.') && name.endsWith('.safetensors');
  if (isPlain) return name;
  throw invalidFile({ file, tensor }, 'the index names a shard by more than a plain file name', {
    expected: 'a name such as model-00001-of-00002.safetensors',
    received: quote(name),
    hint: 'do not use this checkpoint unless you trust where it comes from',
  });
}
