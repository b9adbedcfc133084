import { entitiesOf } from '../../metrics/entities.ts';
import { type Dataset, dataset, type Position } from '../dataset.ts';
import { badRow } from '../files/badRow.ts';
import type { ByteSource } from '../files/byteSource.ts';
import { readLines } from '../files/readLines.ts';

export interface TaggedSentence {
  readonly words: readonly string[];
  readonly tags: readonly string[];
}

/** The tags of CoNLL-2003, numbered as on the Hub. */
export const conllTags: readonly string[] = [
  'O',
  ...['PER', 'ORG', 'LOC', 'MISC'].flatMap((type) => [`B-${type}`, `I-${type}`]),
];

/**
 * The sentences of a file in CoNLL's layout: a word a line, its tag in the last column, an empty line after each sentence.
 * Lines of `-DOCSTART-` part documents and are passed over.
 *
 * @param columns how many a line has: 4 in CoNLL-2003, 2 in other files. Without it, the first line tells.
 * @throws LorikeetError `invalid-file`, with file and line, for a line with another number of columns.
 */
export function readConll(source: ByteSource, columns?: number): Dataset<TaggedSentence> {
  return dataset(async function* (from) {
    let [words, tags]: [string[], string[]] = [[], []];
    let expected = columns;
    let end: Position = from;
    for await (const { item, next } of readLines(source).entries(from)) {
      end = next;
      const fields = item.text.trim().split(/[ \t]+/);
      if (fields[0] !== '' && fields[0] !== '-DOCSTART-') {
        expected ??= fields.length;
        if (fields.length !== expected || expected < 2) {
          throw badRow(source.name, item.number, 'a line has not the columns of a word', {
            expected: `${Math.max(2, expected)} columns`,
            received: JSON.stringify(item.text),
          });
        }
        words.push(fields[0] ?? '');
        tags.push(fields.at(-1) ?? '');
        continue;
      }
      if (words.length > 0) yield { item: { words, tags }, next: end };
      [words, tags] = [[], []];
    }
    if (words.length > 0) yield { item: { words, tags }, next: end };
  });
}

/** The same entities as tags of IOB2, where each begins with B; the files of CoNLL-2003 are in IOB1. */
export function toIob2(tags: readonly string[]): string[] {
  const result = tags.map(() => 'O');
  for (const { type, start, end } of entitiesOf(tags))
    for (let i = start; i < end; i++) result[i] = `${i === start ? 'B' : 'I'}-${type}`;
  return result;
}
