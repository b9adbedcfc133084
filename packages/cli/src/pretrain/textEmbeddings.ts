import type { Model } from '@lorikeet/model-zoo';
import { at, paths, replaceAt, sinusoidalPositions, takesVectors } from '@lorikeet/nn';
import {
  evaluate,
  greater,
  LorikeetError,
  maximum,
  sqrt,
  Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { wordVectors } from '@lorikeet/train';

/** Tables of absolute positions, by the last names of their paths. */
const positionTable = /(^|\.)(position_embeddings|embed_positions|wpe)\.weight$/;

/**
 * A new model whose embeddings know of the texts: tokens with the same neighbours have like vectors, positions are waves,
 * so that one product finds what is some places away, and the bias of an output tells how frequent each token is. Vectors
 * are as long as the random ones in their place.
 *
 * @param texts tokens by their numbers.
 * @throws LorikeetError `unsupported` for a model that does not tell which embedding its tokens have.
 */
export async function withTextEmbeddings(
  model: Model,
  texts: readonly (readonly number[])[],
  key: Tensor,
): Promise<Model> {
  const path = embeddingOf(model);
  const random = tensorAt(model, path);
  const [vocabularySize = 0, dim = 0] = random.shape;
  const vectors = wordVectors(texts, { vocabularySize, dim, key });
  const own = lengths(vectors);
  const isSeen = greater(own, own.mean().mul(1e-4));
  const words = where(isSeen, likeLength(vectors.sub(vectors.mean(0)), random), random);
  let changed = replaceAt(model, path, words);
  for (const [place, leaf] of paths(model)) {
    const [rows = 0, width = 0] = leaf.shape;
    if (positionTable.test(place))
      changed = replaceAt(changed, place, likeLength(sinusoidalPositions(rows, width), leaf));
    else if (leaf.rank === 1 && rows === vocabularySize)
      changed = replaceAt(changed, place, logFrequencies(texts, vocabularySize));
  }
  return await evaluate(changed);
}

function embeddingOf(model: Model): string {
  if (takesVectors(model)) return `${model.inputSite.embedding}.weight`;
  throw new LorikeetError(
    'unsupported',
    'the model does not tell which embedding its tokens have',
    {
      hint: 'embeddings: random',
    },
  );
}

function tensorAt(model: Model, path: string): Tensor {
  const found = at(model, path);
  if (found instanceof Tensor) return found;
  throw new LorikeetError('unsupported', 'the embedding of the tokens is no tensor', { path });
}

/** Rows as long as those of other numbers are on average: [N, D] */
function likeLength(rows: Tensor, others: Tensor): Tensor {
  return rows.mul(lengths(others).mean()).div(maximum(lengths(rows), 1e-12));
}

/** [N, 1] */
function lengths(rows: Tensor): Tensor {
  return sqrt(rows.mul(rows).sum(1, { keepAxes: true }));
}

/** The logarithm of the share of each token, each seen half a time more: [V] */
function logFrequencies(texts: readonly (readonly number[])[], size: number): Tensor {
  const counts = new Float64Array(size).fill(0.5);
  for (const text of texts) for (const token of text) counts[token] = (counts[token] ?? 0) + 1;
  const all = counts.reduce((sum, count) => sum + count, 0);
  return tensor([...counts.map((count) => Math.log(count / all))], [size]);
}
