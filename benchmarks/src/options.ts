import { InvalidArgumentError } from 'commander';

/** Parses an option that is a whole number from 1 up. */
export function countOption(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 up.');
  return value;
}

/** Parses an option that is a list of whole numbers from 1 up, with commas. */
export function countsOption(text: string): readonly number[] {
  return text.split(',').map(countOption);
}

/** Parses an option that is a number above 0. */
export function positiveOption(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}
