import { InvalidArgumentError } from 'commander';

/** Parses an option that is a whole number from `min` up. */
export function integerOption(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`It must be a whole number from ${min} up.`);
    return value;
  };
}

/** Parses an option that is a positive number. */
export function positiveOption(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** Parses an option that is a part of a whole. */
export function partOption(text: string): number {
  const value = positiveOption(text);
  if (value > 1) throw new InvalidArgumentError('It must be a number above 0, up to 1.');
  return value;
}

/** Parses an option that is a list with commas. */
export function listOption(text: string): string[] {
  // A comma in braces belongs to a selector.
  return text
    .split(/,(?![^{]*\})/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Parses an option that is a JSON object. */
export function recordOption(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('It must be a JSON object.');
  return Object.fromEntries(Object.entries(value));
}
