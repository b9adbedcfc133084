import { type Dataset, dataset, requireParts } from '../dataset.ts';
import { badRow } from '../files/badRow.ts';
import type { ByteSource } from '../files/byteSource.ts';
import { readLines } from '../files/readLines.ts';

export interface SgmSegment {
  /** `docid` of its document. */
  readonly document: string;
  readonly id: string;
  readonly text: string;
  /** Where it begins in the file. */
  readonly line: number;
}

/**
 * The segments of a file in WMT's SGM: `<seg id="1">text</seg>` within `<doc docid="...">`. A segment may go over lines,
 * which become spaces.
 *
 * @throws LorikeetError `invalid-file`, with file and line, for a segment that does not end.
 */
export function readSgm(source: ByteSource): Dataset<SgmSegment> {
  return dataset(async function* (from) {
    const [place = null, name = null] = from === null ? [] : requireParts(from, 2);
    let document = typeof name === 'string' ? name : '';
    let open: { text: string; line: number } | undefined;
    for await (const { item, next } of readLines(source).entries(place)) {
      const doc = /<doc\b[^>]*\bdocid\s*=\s*"([^"]*)"/i.exec(item.text)?.[1];
      if (doc !== undefined) document = doc;
      if (open === undefined && !/<seg\b/i.test(item.text)) continue;
      open = open
        ? { ...open, text: `${open.text} ${item.text.trim()}` }
        : { text: item.text, line: item.number };
      const [, id = '', text = ''] =
        /<seg\b[^>]*?\bid\s*=\s*"?([^">\s]*)"?[^>]*>(.*?)<\/seg>/i.exec(open.text) ?? [];
      if (!/<\/seg>/i.test(open.text)) {
        if (open.text.length > 2 ** 20 || item.text.includes('</doc>'))
          throw unended(source.name, open.line);
        continue;
      }
      if ((open.text.match(/<seg\b/gi) ?? []).length > 1) {
        throw badRow(source.name, open.line, 'a line has more than one segment', {
          hint: 'put each <seg> into a line of its own',
        });
      }
      const segment = { document, id, text: unescapeEntities(text.trim()), line: open.line };
      open = undefined;
      yield { item: segment, next: [next, document] };
    }
    if (open !== undefined) throw unended(source.name, open.line);
  });
}

function unended(file: string, line: number): Error {
  return badRow(file, line, 'a segment does not end', { expected: '</seg>' });
}

function unescapeEntities(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
