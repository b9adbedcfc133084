import { type Dataset, dataset } from '../dataset.ts';
import { fromArray } from '../fromArray.ts';
import { badRow } from './badRow.ts';
import type { ByteSource } from './byteSource.ts';
import { isRow } from './readJsonLines.ts';
import type { PlacedRow } from './row.ts';

/** @throws LorikeetError `invalid-file` if the file is not JSON in UTF-8. */
export async function readJson(source: ByteSource): Promise<unknown> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  try {
    for await (const chunk of source.open(0)) text += decoder.decode(chunk, { stream: true });
    text += decoder.decode();
    return JSON.parse(text);
  } catch (cause) {
    throw badRow(source.name, 1, 'the file is not JSON', {
      hint: 'a file with one object a line is JSONL: name it .jsonl',
      cause,
    });
  }
}

/**
 * The rows of a JSON file that is a list of objects, or an object with such a list under `data`. The file is read whole.
 *
 * @throws LorikeetError `invalid-file` for other files.
 */
export function readJsonArray(source: ByteSource): Dataset<PlacedRow> {
  return dataset(async function* (from) {
    const value = await readJson(source);
    const list = isRow(value) && Array.isArray(value.data) ? value.data : value;
    if (!Array.isArray(list) || !list.every(isRow)) {
      throw badRow(source.name, 1, 'the file is not a list of objects');
    }
    const rows = list.map((row, i) => ({ row, file: source.name, line: i + 1 }));
    yield* fromArray(rows).entries(from);
  });
}
