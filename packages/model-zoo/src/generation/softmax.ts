/** Probabilities of scores: [V]. */
export function softmax(scores: Float64Array): Float64Array {
  const top = largest(scores);
  const result = scores.map((score) => Math.exp(score - top));
  const total = result.reduce((sum, value) => sum + value, 0);
  return result.map((value) => value / total);
}

/** Their logarithms: [V]. */
export function logSoftmax(scores: Float64Array): Float64Array {
  const top = largest(scores);
  let total = 0;
  for (const score of scores) total += Math.exp(score - top);
  const whole = top + Math.log(total);
  return scores.map((score) => score - whole);
}

export function largest(values: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > top) top = value;
  return top;
}

/** The place of the largest value, the first of them. */
export function argmaxOf(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++)
    if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** The places of the `count` largest values, largest first, and the first of equal ones. */
export function topPlaces(values: ArrayLike<number>, count: number): number[] {
  const places: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const last = places.at(-1);
    if (places.length === count && last !== undefined && value <= (values[last] as number))
      continue;
    let at = places.length;
    while (at > 0 && (values[places[at - 1] as number] as number) < value) at--;
    places.splice(at, 0, i);
    if (places.length > count) places.pop();
  }
  return places;
}
