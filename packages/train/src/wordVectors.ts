import {
  currentBackend,
  LorikeetError,
  randomizedSvd,
  sqrt,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';

export interface WordVectorOptions {
  /** Tokens that there are: the matrix that is factored has the square of it in numbers. */
  readonly vocabularySize: number;
  /** Numbers of a vector. */
  readonly dim: number;
  /** How far apart two tokens of a text stand at most to count as neighbours. Defaults to 4. */
  readonly window?: number;
  /** u32[2], from `randomKey`, for the sketch of the factorisation. */
  readonly key: Tensor;
}

/** By which power the frequency of a neighbour is flattened, so that rare ones weigh less. */
const smoothing = 0.75;

/**
 * A vector for each token out of which tokens stand near which: positive pointwise mutual information, a pair at
 * distance d counted 1/d, factored by truncated singular values. Tokens with the same neighbours get like vectors.
 * Levy, Goldberg and Dagan 2015.
 *
 * @returns [vocabularySize, dim] f32: the left vectors, each times the root of its singular value. Not computed yet.
 * @throws LorikeetError `invalid-argument` for a token out of range, more numbers than tokens, or a vocabulary whose
 *   matrix is larger than a buffer of the backend.
 */
export function wordVectors(
  texts: Iterable<readonly number[]>,
  { vocabularySize: size, dim, window = 4, key }: WordVectorOptions,
): Tensor {
  if (4 * size ** 2 > currentBackend().limits().maxBufferBytes) {
    throw new LorikeetError('invalid-argument', 'wordVectors: the vocabulary is too large', {
      received: `${size} tokens, a matrix of ${Math.round((4 * size ** 2) / 2 ** 20)} MiB`,
      hint: 'a smaller vocabulary',
    });
  }
  const counts = neighbours(texts, size, window);
  const information = tensor(positiveInformation(counts, size), [size, size], 'f32');
  const { u, s } = randomizedSvd(information, dim, { key });
  return u.mul(sqrt(s));
}

/** How often each token stands near each, symmetric: [size, size]. */
function neighbours(
  texts: Iterable<readonly number[]>,
  size: number,
  window: number,
): Float32Array {
  const counts = new Float32Array(size * size);
  for (const text of texts) {
    for (const [i, token] of text.entries()) {
      requireToken(token, size);
      for (let distance = 1; distance <= Math.min(window, i); distance++) {
        const other = text[i - distance] ?? 0;
        counts[token * size + other] = (counts[token * size + other] ?? 0) + 1 / distance;
        counts[other * size + token] = (counts[other * size + token] ?? 0) + 1 / distance;
      }
    }
  }
  return counts;
}

/** How much more often than by chance two tokens stand together, as a logarithm, where it is more often. In place. */
function positiveInformation(counts: Float32Array, size: number): Float32Array {
  const totals = Float64Array.from({ length: size }, (_, token) =>
    counts.subarray(token * size, (token + 1) * size).reduce((sum, count) => sum + count, 0),
  );
  const flattened = totals.map((total) => total ** smoothing);
  const all = flattened.reduce((sum, value) => sum + value, 0);
  for (const [token, total] of totals.entries()) {
    for (const [other, weight] of flattened.entries()) {
      const place = token * size + other;
      const count = counts[place] ?? 0;
      if (count > 0) counts[place] = Math.max(0, Math.log((count * all) / (total * weight)));
    }
  }
  return counts;
}

function requireToken(token: number, size: number): void {
  if (Number.isInteger(token) && token >= 0 && token < size) return;
  throw new LorikeetError('invalid-argument', 'wordVectors: a token is out of range', {
    expected: `a whole number below ${size}`,
    received: String(token),
  });
}
