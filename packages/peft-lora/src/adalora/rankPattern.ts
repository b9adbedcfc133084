import { endsInName } from '../target.ts';

export type RankPattern = Readonly<Record<string, readonly boolean[]>>;

/** The key of a module in a pattern. */
export function rankKey(path: string): string {
  return `${path}.lora_E`;
}

/** The entry of a pattern for one module: that of its path, or of an end of it; `null` if it has none. */
export function keptAt(pattern: RankPattern | null, path: string): RankPattern | null {
  const key = rankKey(path);
  const found = Object.entries(pattern ?? {});
  const entry =
    found.find(([name]) => name === key) ?? found.find(([name]) => endsInName(key, name));
  return entry === undefined ? null : { [key]: entry[1] };
}
