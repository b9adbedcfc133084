import { commonSubsequence } from './commonSubsequence.ts';

/**
 * How many tokens two summaries share: for each sentence of the reference the union of its longest common subsequences with
 * the answer's sentences, where no token counts more often than it occurs. Lin, "ROUGE" (2004), section 3.2.
 */
export function summaryHits(
  wanted: readonly (readonly string[])[],
  given: readonly (readonly string[])[],
): number {
  const left = [countTokens(wanted), countTokens(given)];
  let hits = 0;
  for (const sentence of wanted) {
    const places = new Set(given.flatMap((other) => commonSubsequence(sentence, other)));
    for (const place of [...places].sort((a, b) => a - b)) {
      const token = sentence[place] ?? '';
      if (left.some((counts) => (counts.get(token) ?? 0) === 0)) continue;
      for (const counts of left) counts.set(token, (counts.get(token) ?? 0) - 1);
      hits += 1;
    }
  }
  return hits;
}

function countTokens(sentences: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const token of sentences.flat()) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}
