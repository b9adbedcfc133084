import { LorikeetError } from '@lorikeet/tensor-core';
import type { Metric } from './metric.ts';
import { sumMetric } from './sumMetric.ts';

/** What a language model lost on some tokens. */
export interface TokenLoss {
  /** The mean over the tokens of the negative natural logarithm of their probability. */
  readonly loss: number;
  /** How many tokens it is the mean of. Defaults to 1. */
  readonly tokens?: number;
}

/** The exponential of the mean loss of a token, over all tokens. At least 1 for losses of probabilities. */
export const perplexity: Metric<TokenLoss, readonly number[], number> = sumMetric(
  ({ loss, tokens = 1 }) => {
    if (!(tokens >= 0)) {
      throw new LorikeetError('invalid-argument', 'perplexity needs a count of tokens', {
        received: String(tokens),
      });
    }
    return [tokens === 0 ? 0 : loss * tokens, tokens];
  },
  ([loss = 0, tokens = 0]) => Math.exp(loss / tokens),
);
