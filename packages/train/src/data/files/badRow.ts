import { LorikeetError, type LorikeetErrorDetails } from '@lorikeet/tensor-core';

/** The error of a row that cannot be read: its `path` is the file and the line, from 1. */
export function badRow(
  file: string,
  line: number,
  summary: string,
  details: Omit<LorikeetErrorDetails, 'path'> = {},
): LorikeetError {
  return new LorikeetError('invalid-file', summary, { ...details, path: `${file}:${line}` });
}

export interface BadRowOptions {
  /** Gets the error of a row that cannot be read, which is then passed over. Without it, the error is thrown. */
  readonly onBadRow?: (error: LorikeetError) => void;
}

/** A row, or nothing if it is bad and may be passed over. */
export function rowOr<Row>(read: () => Row, { onBadRow }: BadRowOptions): Row | undefined {
  try {
    return read();
  } catch (error) {
    if (onBadRow === undefined || !(error instanceof LorikeetError)) throw error;
    onBadRow(error);
    return undefined;
  }
}
