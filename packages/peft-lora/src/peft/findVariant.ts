import { LorikeetError } from '@lorikeet/tensor-core';
import type { Method, Variant } from '../variant.ts';
import { parseConfig, peftFieldsOf } from '../variant.ts';
import * as exported from '../variants/index.ts';
import { type PeftPlacement, passiveKeys, placementKeys } from './peftConfig.ts';

/** All variants of this package: whatever the files in `variants` export. */
export const variants: readonly Variant[] = valuesOf(exported).filter(isVariant);

/**
 * The method that a parsed `adapter_config.json` describes.
 *
 * @param json its content, as it was checked.
 * @param stored its content, to be kept for the next save.
 * @param plugins variants from elsewhere, which come first.
 * @throws LorikeetError `unsupported` for a method or an active option that is not built; `invalid-config`.
 */
export function methodOf(
  json: PeftPlacement & Readonly<Record<string, unknown>>,
  stored: object,
  plugins: readonly Variant[],
): Method {
  const known = [...plugins, ...variants].filter(({ peft }) => peft !== undefined);
  const variant = known.find(({ peft }) => peft?.type === json.peft_type);
  if (variant === undefined) {
    throw new LorikeetError('unsupported', `the PEFT method '${json.peft_type}'`, {
      expected: known.map(({ peft }) => peft?.type).join(', '),
      received: json.peft_type,
    });
  }
  const fields = peftFieldsOf(variant);
  const options: Record<string, unknown> = {};
  for (const { field, key } of fields) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    const isValue = variant.schema.shape[field]?.safeParse(value).success === true;
    if (!isValue && typeof value === 'string') throw unsupportedOption(variant, key, value);
    options[field] = value;
  }
  const own = new Set([...fields.map(({ key }) => key), 'bias', 'peft_type']);
  const extra = Object.entries(stored).filter(([key]) => !own.has(key));
  for (const [key, value] of extra as [string, unknown][]) {
    if (placementKeys.includes(key) || passiveKeys.includes(key) || isInactive(variant, key, value))
      continue;
    throw unsupportedOption(variant, key, value);
  }
  const config = parseConfig(variant, options);
  return {
    kind: 'adapter',
    variant,
    config,
    target: { bias: json.bias },
    extra: Object.fromEntries(extra),
  };
}

/** Whether an option of PEFT has a value that turns it off. */
function isInactive({ peft }: Variant, key: string, value: unknown): boolean {
  if (value === null || value === false) return true;
  if (typeof value === 'object' && Object.keys(value).length === 0) return true;
  return (
    peft?.inactive !== undefined &&
    Object.hasOwn(peft.inactive, key) &&
    peft.inactive[key] === value
  );
}

function unsupportedOption({ name }: Variant, key: string, value: unknown): LorikeetError {
  return new LorikeetError('unsupported', `${name} with ${key} ${JSON.stringify(value)}`, {
    received: `${key}: ${JSON.stringify(value)}`,
    hint: 'the adapter needs a method that is not built yet; without it the results would be wrong',
  });
}

function isVariant(value: unknown): value is Variant {
  return typeof value === 'object' && value !== null && 'materialize' in value && 'schema' in value;
}

function valuesOf(exports: object): unknown[] {
  return Object.values(exports);
}
