import { z } from 'zod';
import { peftFieldsOf } from '../variant.ts';

/**
 * The value of a field as PEFT's file has it: a field that is an object can have fields of its own with `peftField`, whose
 * keys stand in the place of their names.
 *
 * @param schema of the field.
 */
export function toFile(schema: unknown, value: unknown): unknown {
  return renamed(schema, value, ({ field, key }) => [field, key]);
}

/** The way back. What has no key there keeps its name, for the schema to refuse. */
export function fromFile(schema: unknown, value: unknown): unknown {
  return renamed(schema, value, ({ field, key }) => [key, field]);
}

function renamed(
  schema: unknown,
  value: unknown,
  namesOf: (info: { readonly field: string; readonly key: string }) => readonly [string, string],
): unknown {
  const inner = withoutDefault(schema);
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return value;
  const names = new Map(peftFieldsOf({ schema: inner }).map(namesOf));
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => [names.get(key) ?? key, own]),
  );
}

function withoutDefault(schema: unknown): unknown {
  return schema instanceof z.ZodDefault ? withoutDefault(schema.unwrap()) : schema;
}
