import { splitWords } from './whitespace.ts';

const punctuation = /[!-/:-@[-`{-~]/g;
const articles = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu;

/** An answer as SQuAD's official script compares it: no case, ASCII punctuation, articles or spare white space. */
export function normalizeAnswer(text: string): string {
  const bare = text.toLowerCase().replace(punctuation, '').replace(articles, ' ');
  return splitWords(bare).join(' ');
}

/**
 * F1 of the words of two answers, counted with how often they occur.
 *
 * @param noAnswers whether answers without a word are right for each other, as in version 2.0.
 */
export function answerF1(answer: string, reference: string, noAnswers: boolean): number {
  const [given, wanted] = [answer, reference].map((text) => splitWords(normalizeAnswer(text)));
  if (given === undefined || wanted === undefined) return 0;
  if (noAnswers && (given.length === 0 || wanted.length === 0))
    return given.length === wanted.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of given) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    same += 1;
  }
  if (same === 0) return 0;
  const [precision, recall] = [same / given.length, same / wanted.length];
  return (2 * precision * recall) / (precision + recall);
}
