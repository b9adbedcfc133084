import { distance } from 'fastest-levenshtein';

/** A hint that names those of `candidates` that look most like `wanted`. */
export function nearestOf(wanted: string, candidates: readonly string[], most = 3): string {
  const unique = [...new Set(candidates)];
  if (unique.length === 0) return 'there is nothing to choose from';
  const score = (candidate: string): number => {
    const tail = candidate.split('.').slice(-wanted.split('.').length).join('.');
    return Math.min(distance(wanted, candidate), distance(wanted, tail) + 0.5);
  };
  const nearest = unique.toSorted((a, b) => score(a) - score(b)).slice(0, most);
  return `did you mean ${nearest.map((name) => `'${name}'`).join(', ')}?`;
}
