import Papa from 'papaparse';
import { badRow } from './badRow.ts';
import type { ByteSource } from './byteSource.ts';

export interface CsvRecord {
  readonly fields: readonly string[];
  /** Of its first line, from 1. */
  readonly line: number;
  /** The byte behind it. */
  readonly end: number;
  /** The lines up to its end. */
  readonly lines: number;
  /** What is wrong with its quotes. */
  readonly fault: string | undefined;
}

interface Parsed {
  readonly fields: readonly string[];
  /** The character behind it. */
  readonly cursor: number;
  readonly fault: string | undefined;
}

/** Characters that a record may have, so that a quote that is never closed takes no memory without bound. */
const longest = 2 ** 24;
const encoder = new TextEncoder();

/** The records of a file in which fields may be quoted, from a byte on where a record begins. */
export async function* csvRecords(
  source: ByteSource,
  delimiter: string,
  from: { readonly byte: number; readonly lines: number },
): AsyncGenerator<CsvRecord> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let { byte, lines } = from;
  let text = '';
  const take = function* (records: readonly Parsed[]): Generator<CsvRecord> {
    let begin = 0;
    for (const { fields, cursor, fault } of records) {
      const raw = text.slice(begin, cursor);
      byte += encoder.encode(raw).length;
      const line = lines + 1;
      lines += raw.split('\n').length - 1;
      yield { fields: withoutReturn(fields, raw), line, end: byte, lines, fault };
      begin = cursor;
    }
    text = text.slice(begin);
  };
  for await (const chunk of source.open(byte)) {
    text += decode(decoder, chunk, source.name, lines + 1);
    if (byte === 0 && text.startsWith('\uFEFF')) {
      text = text.slice(1);
      byte = 3;
    }
    // The last record may go on in the next chunk.
    yield* take(parse(text, delimiter).slice(0, -1));
    if (text.length > longest) {
      throw badRow(source.name, lines + 1, 'a record is longer than may be', {
        expected: `at most ${longest} characters`,
        hint: 'a quote is not closed; if quotes are plain text in this file, read it with `quotes: false`',
      });
    }
  }
  text += decode(decoder, undefined, source.name, lines + 1);
  if (text !== '') yield* take(parse(text, delimiter));
}

function parse(text: string, delimiter: string): Parsed[] {
  const records: Parsed[] = [];
  Papa.parse<string[]>(text, {
    delimiter,
    newline: '\n',
    step: ({ data, errors, meta }) => {
      const fault = errors[0]?.message;
      records.push({ fields: data, cursor: meta.cursor, fault });
    },
  });
  return records;
}

function decode(
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Uint8Array | undefined,
  file: string,
  line: number,
): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw badRow(file, line, 'the file is not UTF-8, from this line or a later one on', {
      hint: 'convert the file to UTF-8',
      cause,
    });
  }
}

/** Without the carriage return of `\r\n`, which a last field has if it is not quoted. */
function withoutReturn(fields: readonly string[], raw: string): readonly string[] {
  const last = fields.at(-1) ?? '';
  const isPlain = last === '\r' ? !raw.endsWith('"\r\n') : raw.endsWith(`${last}\n`);
  if (!last.endsWith('\r') || !isPlain) return fields;
  return [...fields.slice(0, -1), last.slice(0, -1)];
}
