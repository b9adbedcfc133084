import { LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { Batch } from '../fitOptions.ts';

/** What a model is given of one example, under transformers' names: a list for each token, or one number. */
export type TokenRow = Readonly<Record<string, number | readonly number[]>>;

export interface CollateOptions {
  /** Fills `input_ids` and `decoder_input_ids`. */
  readonly padId: number;
  /** What other fields are filled with. Defaults to -100 for `labels` and 0 for the rest. */
  readonly fill?: Readonly<Record<string, number>>;
  /** Lengths are rounded up to a multiple of this, so that few plans are compiled. Defaults to 16. */
  readonly multiple?: number;
  /** What the model can read. Without it, any length is taken. */
  readonly maxLength?: number;
  /** Where padding goes. Defaults to 'right'. */
  readonly side?: 'right' | 'left';
  /** Fields of real numbers, such as the labels of a regression. They become f32, the others i32. */
  readonly floats?: readonly string[];
}

/**
 * Rows as tensors: [B] for fields of one number, [B, T] for lists, padded to the longest of the batch (rounded up). Where
 * rows have `input_ids` but no `attention_mask`, it is added: 1 where there is a token.
 *
 * @throws LorikeetError `invalid-argument` for rows with other fields than the first, numbers that are not whole, or a row
 *   without tokens; `index-out-of-range` for rows longer than `maxLength`.
 */
export function collate<Row extends { readonly [Field in keyof Row]?: number | readonly number[] }>(
  rows: readonly Row[],
  options: CollateOptions,
): Batch<Collated<Row>> {
  const masked = rows.map((row, i) => withMask(row as TokenRow, i));
  const fields = Object.keys(masked[0] ?? {});
  for (const row of masked) requireFields(row, fields);
  const inputs = fields.map((field) => [field, columnOf(masked, field, options)]);
  return {
    tokens: masked.reduce((sum, row) => sum + tokensOf(row), 0),
    inputs: Object.fromEntries(inputs) as Collated<Row>,
  };
}

/** The fields of rows as tensors. */
export type Collated<Row> = { readonly [Field in keyof Row]: Tensor } & (Row extends {
  readonly input_ids: readonly number[];
}
  ? { readonly attention_mask: Tensor }
  : unknown);

function withMask(row: TokenRow, index: number): TokenRow {
  const { input_ids: ids, attention_mask: mask } = row;
  if (!Array.isArray(ids)) return row;
  if (ids.length === 0)
    throw new LorikeetError('invalid-argument', `row ${index} of the batch has no token`);
  return mask === undefined ? { ...row, attention_mask: ids.map(() => 1) } : row;
}

function tokensOf({ attention_mask: mask }: TokenRow): number {
  return Array.isArray(mask) ? mask.reduce((sum, one) => sum + one, 0) : 1;
}

function requireFields(row: TokenRow, fields: readonly string[]): void {
  const given = Object.keys(row);
  if (given.length === fields.length && fields.every((field) => field in row)) return;
  throw new LorikeetError('invalid-argument', 'the rows of a batch have different fields', {
    expected: fields.join(', '),
    received: given.join(', '),
  });
}

function columnOf(rows: readonly TokenRow[], field: string, options: CollateOptions): Tensor {
  const dtype = options.floats?.includes(field) ? 'f32' : 'i32';
  const make = dtype === 'f32' ? Float32Array : Int32Array;
  const values = rows.map((row) => row[field] as number | readonly number[]);
  if (dtype === 'i32') requireWhole(values.flat(), field);
  if (values.every((value) => typeof value === 'number'))
    return tensor(make.from(values as number[]), [rows.length], dtype);
  const lists = values.map((value) => (typeof value === 'number' ? [value] : value));
  const length = paddedLength(Math.max(...lists.map((list) => list.length)), field, options);
  const column = new make(rows.length * length).fill(fillOf(field, options));
  lists.forEach((list, i) => {
    column.set(list, i * length + (options.side === 'left' ? length - list.length : 0));
  });
  return tensor(column, [rows.length, length], dtype);
}

function paddedLength(
  longest: number,
  field: string,
  { multiple = 16, maxLength = Number.POSITIVE_INFINITY }: CollateOptions,
): number {
  if (longest > maxLength) {
    throw new LorikeetError('index-out-of-range', `${field} is longer than the model can read`, {
      expected: `at most ${maxLength} tokens`,
      received: `${longest}`,
      hint: 'cut the text, or split it into windows',
    });
  }
  return Math.min(Math.ceil(longest / multiple) * multiple, maxLength);
}

function fillOf(field: string, { padId, fill = {} }: CollateOptions): number {
  const given = fill[field];
  if (given !== undefined) return given;
  if (field === 'input_ids' || field === 'decoder_input_ids') return padId;
  return field === 'labels' ? -100 : 0;
}

function requireWhole(values: readonly (number | undefined)[], field: string): void {
  const wrong = values.find((value) => !Number.isInteger(value));
  if (wrong === undefined && !values.includes(undefined)) return;
  throw new LorikeetError('invalid-argument', `${field} has a number that is not whole`, {
    received: String(wrong),
    hint: `name it in \`floats\` if its numbers are real: { floats: ['${field}'] }`,
  });
}
