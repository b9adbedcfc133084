import type { Processor } from './processor.ts';
import { largest, softmax, topPlaces } from './softmax.ts';

const never = Number.NEGATIVE_INFINITY;

/** Flatter above 1, and sharper below. */
export function temperature(value: number): Processor {
  return (scores) => {
    for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / value;
  };
}

/** The most likely tokens and those equal to the last of them. Fan et al. 2018, https://arxiv.org/abs/1805.04833 */
export function topK(count: number): Processor {
  return (scores) => {
    const last = topPlaces(scores, Math.min(count, scores.length)).at(-1) ?? 0;
    const least = scores[last] as number;
    for (let i = 0; i < scores.length; i++) if ((scores[i] as number) < least) scores[i] = never;
  };
}

/** The fewest tokens that are likely enough together. Holtzman et al. 2020, https://arxiv.org/abs/1904.09751 */
export function topP(mass: number): Processor {
  return (scores) => {
    const chances = softmax(scores);
    const rising = [...chances.keys()]
      .filter((token) => scores[token] !== never)
      .sort((a, b) => (scores[a] as number) - (scores[b] as number));
    let sum = 0;
    for (const token of rising.slice(0, -1)) {
      sum += chances[token] as number;
      if (sum <= 1 - mass) scores[token] = never;
    }
  };
}

/** Tokens at least this likely, against the most likely one. Nguyen et al. 2024, https://arxiv.org/abs/2407.01082 */
export function minP(part: number): Processor {
  return (scores) => {
    const chances = softmax(scores);
    const least = part * largest(chances);
    for (let i = 0; i < scores.length; i++) if ((chances[i] as number) < least) scores[i] = never;
  };
}

/** Tokens about as surprising as one is to expect. Meister et al. 2023, https://arxiv.org/abs/2202.00666 */
export function typicalP(mass: number): Processor {
  return (scores) => {
    const chances = softmax(scores);
    const surprises = chances.map((chance) => -Math.log(chance));
    let entropy = 0;
    for (const [i, chance] of chances.entries())
      if (chance > 0) entropy += chance * (surprises[i] as number);
    const apart = surprises.map((surprise) => Math.abs(surprise - entropy));
    const order = [...apart.keys()].sort((a, b) => (apart[a] as number) - (apart[b] as number));
    let sum = 0;
    let kept = 0;
    for (const token of order) {
      sum += chances[token] as number;
      if (sum < mass) kept++;
    }
    const most = apart[order[Math.min(kept, order.length - 1)] ?? 0] as number;
    for (let i = 0; i < scores.length; i++) if ((apart[i] as number) > most) scores[i] = never;
  };
}
