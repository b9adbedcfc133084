import type { Dataset } from '../dataset.ts';
import { badRow } from '../files/badRow.ts';
import type { ByteSource } from '../files/byteSource.ts';
import { readTsv } from '../files/readDelimited.ts';
import { isRow } from '../files/readJsonLines.ts';
import { type PlacedRow, textOf } from '../files/row.ts';
import { map } from '../map.ts';
import { zip } from '../zip.ts';
import { readSgm } from './sgm.ts';

/** A text, and what is to be made of it. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
}

/** A file with the text and its translation in a line, parted by a tab. */
export function readPairs(source: ByteSource): Dataset<TextPair> {
  return map(readTsv(source, { columns: ['source', 'target'] }), (placed) => ({
    source: textOf(placed, 'source'),
    target: textOf(placed, 'target'),
  }));
}

/**
 * The translation from one language to another in rows such as `{"translation": {"en": "...", "de": "..."}}`, as on the Hub,
 * or `{"en": "...", "de": "..."}`.
 */
export function translationPairs(
  rows: Dataset<PlacedRow>,
  { from, to }: { readonly from: string; readonly to: string },
): Dataset<TextPair> {
  return map(rows, (placed) => {
    const { translation } = placed.row;
    const texts = isRow(translation) ? { ...placed, row: translation } : placed;
    return { source: textOf(texts, from), target: textOf(texts, to) };
  });
}

/**
 * WMT's test sets: the segments of one SGM file beside those of another.
 *
 * @throws LorikeetError `invalid-file` if the files have not the same segments in the same order.
 */
export function readSgmPairs(source: ByteSource, target: ByteSource): Dataset<TextPair> {
  return map(zip(readSgm(source), readSgm(target)), ([first, second]) => {
    if (first.document !== second.document || first.id !== second.id) {
      throw badRow(
        target.name,
        second.line,
        'a segment does not belong to that of the other file',
        {
          expected: `segment ${first.id} of ${first.document}`,
          received: `segment ${second.id} of ${second.document}`,
        },
      );
    }
    return { source: first.text, target: second.text };
  });
}
