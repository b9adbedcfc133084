import { splitWords } from './whitespace.ts';

/** '13a' as mteval-v13a, 'intl' as mteval-v14, 'char' every character, 'none' at white space. */
export type BleuTokenizer = '13a' | 'intl' | 'char' | 'none';

type Rule = readonly [pattern: RegExp, replacement: string];

const rules13a: readonly Rule[] = [
  [/([{-~[-` -&(-+:-@/])/gu, ' $1 '],
  [/([^0-9])([.,])/gu, '$1 $2 '],
  [/([.,])([^0-9])/gu, ' $1 $2'],
  [/([0-9])(-)/gu, '$1 $2 '],
];

const rulesInternational: readonly Rule[] = [
  [/(\P{N})(\p{P})/gu, '$1 $2 '],
  [/(\p{P})(\P{N})/gu, ' $1 $2'],
  [/(\p{S})/gu, ' $1 '],
];

const entities: readonly Rule[] = [
  [/&quot;/g, '"'],
  [/&amp;/g, '&'],
  [/&lt;/g, '<'],
  [/&gt;/g, '>'],
];

/** A line as tokens. */
export const bleuTokens: Readonly<Record<BleuTokenizer, (line: string) => string[]>> = {
  '13a': (line) =>
    splitWords(
      apply(
        ` ${apply(line.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' '), entities)} `,
        rules13a,
      ),
    ),
  intl: (line) => splitWords(apply(line, rulesInternational)),
  char: (line) => splitWords([...line].join(' ')),
  none: splitWords,
};

function apply(line: string, rules: readonly Rule[]): string {
  return rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
}
