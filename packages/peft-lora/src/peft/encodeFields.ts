import { LorikeetError } from '@lorikeet/tensor-core';
import type { AdapterSettings } from '../adaptedWeight.ts';
import { peftFieldsOf } from '../variant.ts';
import { escapePath } from './encodePlacement.ts';
import { toFile } from './nestedFields.ts';

/** One adapted weight: the path of its module, and the config there. */
export interface AdaptedPlace {
  readonly path: string;
  readonly settings: AdapterSettings;
}

/**
 * The config of a variant under PEFT's keys. Where places differ in a field that has a pattern, the pattern is
 * made anew, of full paths.
 *
 * @throws LorikeetError `unsupported` for a difference that PEFT's file cannot express.
 */
export function encodeFields(places: readonly AdaptedPlace[]): Record<string, unknown> {
  const [first] = places;
  if (first === undefined) return {};
  const { variant, method } = first.settings;
  const fields = peftFieldsOf(variant);
  const common = recordOf(method.config);
  requireNothingElse(variant.schema.shape, new Set(fields.map(({ field }) => field)), common);
  const isOne = places.every(({ settings }) => isEqual(settings.method.config, method.config));
  const inFile = (field: string): unknown => toFile(variant.schema.shape[field], common[field]);
  if (isOne) return Object.fromEntries(fields.map(({ field, key }) => [key, inFile(field)]));

  const ownPattern = (path: string): string =>
    variant.peft?.searchesPatterns === true ? `^${escapePath(path)}$` : patternOf(path, places);
  const patterns = new Map<string, Record<string, unknown>>();
  for (const { pattern } of fields) if (pattern !== undefined) patterns.set(pattern, {});
  for (const { field, pattern } of fields.filter((info) => !patterns.has(info.field))) {
    for (const { path, settings } of places) {
      const value = recordOf(settings.config)[field];
      if (isEqual(value, common[field])) continue;
      if (pattern === undefined) throw oneForAll(field, path, common[field], value);
      Object.assign(patterns.get(pattern) ?? {}, { [ownPattern(path)]: value });
    }
  }
  return Object.fromEntries(
    fields.map(({ field, key }) => [key, patterns.get(field) ?? inFile(field)]),
  );
}

/** A pattern fits ends of paths, so that one which is the end of another is tied to the start. */
export function patternOf(path: string, places: readonly Pick<AdaptedPlace, 'path'>[]): string {
  const isEnd = places.some((other) => other.path.endsWith(`.${path}`));
  return `${isEnd ? '^' : ''}${escapePath(path)}`;
}

/** Fields that PEFT does not know must have their defaults. */
function requireNothingElse(
  shape: Readonly<Record<string, { safeParse(value: undefined): { data?: unknown } }>>,
  known: ReadonlySet<string>,
  config: Readonly<Record<string, unknown>>,
): void {
  for (const [field, value] of Object.entries(config)) {
    if (known.has(field) || isEqual(value, shape[field]?.safeParse(undefined).data)) continue;
    throw new LorikeetError('unsupported', `PEFT's files have no place for the option '${field}'`, {
      received: JSON.stringify(value),
    });
  }
}

function oneForAll(field: string, path: string, common: unknown, value: unknown): LorikeetError {
  return new LorikeetError('unsupported', `PEFT's files have one ${field} for the whole adapter`, {
    path,
    expected: JSON.stringify(common),
    received: JSON.stringify(value),
    hint: 'give the parts names of their own, and save them as two adapters',
  });
}

function recordOf(config: unknown): Readonly<Record<string, unknown>> {
  return typeof config === 'object' && config !== null
    ? Object.fromEntries(Object.entries(config))
    : {};
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
