import { type Dataset, dataset, requireCount, requireParts } from '../dataset.ts';
import { badRow } from './badRow.ts';
import type { ByteSource } from './byteSource.ts';

export interface Line {
  /** Without its end, `\n` or `\r\n`. */
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

const newline = 10;
const carriageReturn = 13;

/**
 * The lines of a UTF-8 file. To go on from a position, the file is read from the byte where its line begins.
 *
 * @param longest bytes that a line may have. Defaults to 64 MiB.
 * @throws LorikeetError `invalid-file`, with file and line, for bytes that are not UTF-8 and for a line that is too long.
 */
export function readLines(source: ByteSource, longest: number = 2 ** 26): Dataset<Line> {
  return dataset(async function* (from) {
    const [byte = null, line = null] = from === null ? [] : requireParts(from, 2);
    let begin = requireCount(byte, Number.MAX_SAFE_INTEGER);
    let number = requireCount(line, Number.MAX_SAFE_INTEGER) + 1;
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    let parts: Uint8Array[] = [];
    let length = 0;
    const keep = (part: Uint8Array): void => {
      if (part.length > 0) parts.push(part);
      length += part.length;
      if (length > longest) {
        throw badRow(source.name, number, 'a line is longer than may be', {
          expected: `at most ${longest} bytes`,
        });
      }
    };
    const finish = (ending: number): { item: Line; next: [number, number] } => {
      const text = decodeLine(decoder, parts, source.name, number);
      begin += length + ending;
      [parts, length, number] = [[], 0, number + 1];
      return { item: { text, number: number - 1 }, next: [begin, number - 1] };
    };
    for await (const chunk of source.open(begin)) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(newline, start);
        if (end === -1) break;
        keep(chunk.subarray(start, end));
        yield finish(1);
        start = end + 1;
      }
      keep(chunk.subarray(start));
    }
    if (length > 0) yield finish(0);
  });
}

function decodeLine(
  decoder: InstanceType<typeof TextDecoder>,
  parts: readonly Uint8Array[],
  file: string,
  number: number,
): string {
  const [first = new Uint8Array(), ...others] = parts;
  const bytes = others.length === 0 ? first : concatenate(parts);
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  try {
    const text = decoder.decode(bytes.subarray(0, end));
    return number === 1 ? text.replace(/^\uFEFF/, '') : text;
  } catch (cause) {
    throw badRow(file, number, 'a line is not UTF-8', {
      hint: 'convert the file to UTF-8',
      cause,
    });
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
