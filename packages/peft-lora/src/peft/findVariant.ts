import { LorikeetError } from '@lorikeet/tensor-core';
import type { Method, Variant } from '../variant.ts';
import { parseConfig, peftFieldsOf } from '../variant.ts';
import * as exported from '../variants/index.ts';
import { type PeftJson, type PeftPlacement, passiveKeys, placementKeys } from './peftConfig.ts';
import { shown } from './shown.ts';

/** All variants of this package: whatever the files in `variants` export. */
export const variants: readonly Variant[] = valuesOf(exported).filter(isVariant);

/**
 * The method that an `adapter_config.json` describes. What it does not act on is kept for the next save.
 *
 * @param plugins variants from elsewhere, which come first.
 * @throws LorikeetError `unsupported` for a method or an active option that is not built; `invalid-config`.
 */
export function methodOf(
  json: PeftJson,
  { peft_type: type, bias }: PeftPlacement,
  plugins: readonly Variant[],
): Method {
  const known = [...plugins, ...variants].filter(({ peft }) => peft !== undefined);
  const variant = known.find(({ peft }) => peft?.type === type);
  if (variant === undefined) {
    throw new LorikeetError('unsupported', `the PEFT method ${shown(type)}`, {
      expected: known.map(({ peft }) => peft?.type).join(', '),
      received: shown(type),
    });
  }
  const fields = peftFieldsOf(variant);
  const options: Record<string, unknown> = {};
  for (const { field, key } of fields) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (isUnknownChoice(variant, field, value)) throw unsupportedOption(variant, key, value);
    options[field] = value;
  }
  const own = new Set([...fields.map(({ key }) => key), 'bias', 'peft_type']);
  const extra = Object.entries(json).filter(([key]) => !own.has(key));
  for (const [key, value] of extra) {
    if (placementKeys.includes(key) || passiveKeys.includes(key) || isInactive(variant, key, value))
      continue;
    if (Object.hasOwn(variant.peft?.inactive ?? {}, key) && known.some(goesUnder(key))) continue;
    throw unsupportedOption(variant, key, value);
  }
  return {
    kind: 'adapter',
    variant,
    config: parseConfig(variant, options),
    target: { bias },
    extra: Object.fromEntries(extra),
  };
}

/** Whether a method goes with others under a key of their configs. */
function goesUnder(key: string): (variant: Variant) => boolean {
  return ({ peft }) => peft?.within?.key === key;
}

/** Whether a field that offers a choice is given something else, as another release of PEFT may offer it. */
function isUnknownChoice({ schema }: Variant, field: string, value: unknown): boolean {
  const issues = schema.shape[field]?.safeParse(value).error?.issues ?? [];
  return issues.some(
    ({ code }: { code?: string }) => code === 'invalid_union' || code === 'invalid_value',
  );
}

/** Whether an option of PEFT has a value that turns it off. */
function isInactive({ peft }: Variant, key: string, value: unknown): boolean {
  if (value === null || value === false) return true;
  if (typeof value === 'object' && Object.keys(value).length === 0) return true;
  if (peft?.ignored?.includes(key) === true) return true;
  const inactive = peft?.inactive ?? {};
  return Object.hasOwn(inactive, key) && inactive[key] === value;
}

function unsupportedOption({ name }: Variant, key: string, value: unknown): LorikeetError {
  return new LorikeetError('unsupported', `${name} with ${key} ${shown(value)}`, {
    received: `${key}: ${shown(value)}`,
    hint: 'the adapter needs a method that is not built yet; without it the results would be wrong',
  });
}

function isVariant(value: unknown): value is Variant {
  return typeof value === 'object' && value !== null && 'materialize' in value && 'schema' in value;
}

function valuesOf(exports: object): unknown[] {
  return Object.values(exports);
}
