/** What `parity` says of one tensor, or of one case as a whole. */
export interface ParityRow {
  readonly kind: CaseKind;
  /** Path of the case in its folder. */
  readonly case: string;
  readonly tensor: string;
  /** The largest difference; of the element that is furthest from its tolerance. */
  readonly error: number | null;
  readonly tolerance: number | null;
  readonly pass: boolean;
  /** Why it did not pass, if it is not the error. */
  readonly reason: string | null;
}

export type CaseKind =
  | 'model'
  | 'adapter'
  | 'trajectory'
  | 'weighted'
  | 'mixed-batch'
  | 'conversion'
  | 'op'
  | 'schedule';

export function formatRow({
  kind,
  case: name,
  tensor,
  error,
  tolerance,
  pass,
  reason,
}: ParityRow): string {
  const figures =
    error === null || tolerance === null
      ? ''
      : `  error ${error.toExponential(2)} of ${tolerance.toExponential(2)}`;
  return `${pass ? 'pass' : 'MISS'}  ${kind}  ${name}  ${tensor}${figures}${reason === null ? '' : `  ${reason}`}`;
}
