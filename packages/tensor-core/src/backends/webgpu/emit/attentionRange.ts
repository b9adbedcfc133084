import type { AttentionSides, AttentionStep } from '../schedule/attentionStep.ts';

/** Of all that a group of owners could meet what any of them has to, as texts (u32). */
export interface AttentionRange {
  readonly from: string;
  readonly until: string;
  /** Whether that is all there is. */
  readonly isWhole: boolean;
}

/** Whether there may be rows of scores in which all are excluded. */
export function mayBeBlind(
  { attributes }: AttentionStep,
  { queries, keys }: AttentionSides,
): boolean {
  const { masked, biased, causal, window } = attributes;
  return masked || biased || ((causal || window !== null) && queries > keys);
}

/** Of the group whose first owner is at `first`. The last query stands at the last key. */
export function attentionRange(
  step: AttentionStep,
  sides: AttentionSides,
  {
    owner,
    perGroup,
    givesValue,
  }: {
    readonly owner: 'query' | 'key';
    readonly perGroup: number;
    /** Whether the derivative by the value is wanted. */
    readonly givesValue: boolean;
  },
): AttentionRange {
  const { causal, window } = step.attributes;
  const { queries, keys } = sides;
  const ahead = causal ? 1 : window;
  const [owners, others] = owner === 'query' ? [queries, keys] : [keys, queries];
  // A row that sees nothing has weights for all keys, which have to go through all rows then.
  const isWhole = (ahead === null && window === null) || (givesValue && mayBeBlind(step, sides));
  if (isWhole) return { from: '0u', until: `${others}u`, isWhole };
  const early = 'i32(first)';
  const late =
    owners <= perGroup ? `${owners - 1}` : `min(i32(first) + ${perGroup - 1}, ${owners - 1})`;
  const offset = keys - queries;
  const within = (text: string): string => `u32(clamp(${text}, 0, ${others}))`;
  const from = (by: number | null): string => (by === null ? '0u' : within(`${early} + ${by}`));
  const until = (by: number | null): string =>
    by === null ? `${others}u` : within(`${late} + ${by}`);
  // A query at t sees keys from t + offset - window + 1 to t + offset + ahead - 1.
  return owner === 'query'
    ? {
        from: from(window === null ? null : offset - window + 1),
        until: until(ahead === null ? null : offset + ahead),
        isWhole,
      }
    : {
        from: from(ahead === null ? null : 1 - offset - ahead),
        until: until(window === null ? null : window - offset),
        isWhole,
      };
}
