import type { Processor } from './processor.ts';

/** What is there already becomes less likely: scores above 0 are divided, those below multiplied. Keskar et al. 2019. */
export function repetitionPenalty(penalty: number): Processor {
  return (scores, { tokens }) => {
    for (const token of new Set(tokens)) {
      const score = scores[token];
      if (score !== undefined) scores[token] = score < 0 ? score * penalty : score / penalty;
    }
  };
}

/** No run of `size` tokens comes twice. */
export function noRepeatNgram(size: number): Processor {
  return (scores, { tokens }) => {
    const first = tokens.length - size + 1;
    for (let start = 0; start < first; start++) {
      let isSame = true;
      for (let i = 0; i < size - 1 && isSame; i++) isSame = tokens[start + i] === tokens[first + i];
      const next = tokens[start + size - 1];
      if (isSame && next !== undefined) ban(scores, next);
    }
  };
}

/** None of these sequences of tokens comes to its end. */
export function badWords(words: readonly (readonly number[])[]): Processor {
  return (scores, { tokens }) => {
    for (const word of words) {
      const before = word.slice(0, -1);
      const start = tokens.length - before.length;
      const last = word.at(-1);
      if (
        start >= 0 &&
        last !== undefined &&
        before.every((token, i) => tokens[start + i] === token)
      )
        ban(scores, last);
    }
  };
}

/** These tokens do not come; only not as the first new one, with `atStart`. */
export function suppressed(banned: readonly number[], atStart: boolean): Processor {
  return (scores, { fresh }) => {
    if (!atStart || fresh === 0) for (const token of banned) ban(scores, token);
  };
}

/** No end before so many new tokens are there. */
export function minNewTokens(least: number, ends: readonly number[]): Processor {
  return (scores, { fresh }) => {
    if (fresh < least) for (const token of ends) ban(scores, token);
  };
}

/** No end before so many tokens are there in all. */
export function minLength(least: number, ends: readonly number[]): Processor {
  return (scores, { tokens }) => {
    if (tokens.length < least) for (const token of ends) ban(scores, token);
  };
}

/** Nothing but these tokens where `isDue`. */
export function forced(
  allowed: readonly number[],
  isDue: (fresh: number, length: number) => boolean,
): Processor {
  return (scores, { tokens, fresh }) => {
    if (!isDue(fresh, tokens.length)) return;
    scores.fill(Number.NEGATIVE_INFINITY);
    for (const token of allowed) if (token < scores.length) scores[token] = 0;
  };
}

function ban(scores: Float64Array, token: number): void {
  if (token < scores.length) scores[token] = Number.NEGATIVE_INFINITY;
}
