import { z } from 'zod';
import { peftFieldsOf } from '../variant.ts';

/**
 * The value of a field as PEFT's file has it: a field that is an object can have fields of its own with `peftField`, whose
 * keys stand in the place of their names.
 *
 * @param schema of the field.
 */
export function toFile(schema: unknown, value: unknown): unknown {
  const names = new Map(fieldsIn(schema).map(({ field, key }) => [field, key]));
  return renamed(value, names);
}

/** The way back. What is no key there has a name that the schema refuses. */
export function fromFile(schema: unknown, value: unknown): unknown {
  const fields = fieldsIn(schema);
  const names = new Map([
    ...fields.map(({ field }) => [field, `${field} in a file`] as const),
    ...fields.map(({ field, key }) => [key, field] as const),
  ]);
  return renamed(value, names);
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (names.size === 0 || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => [names.get(key) ?? key, own]),
  );
}

function fieldsIn(schema: unknown): ReturnType<typeof peftFieldsOf> {
  if (schema instanceof z.ZodDefault) return fieldsIn(schema.unwrap());
  return schema instanceof z.ZodObject ? peftFieldsOf({ schema }) : [];
}
