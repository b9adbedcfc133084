import { LorikeetError } from '@lorikeet/tensor-core';
import type { ModuleMethod, ModuleVariant } from '../modules/moduleVariant.ts';
import type { Method, Variant } from '../variant.ts';
import { parseConfig, peftFieldsOf } from '../variant.ts';
import * as exported from '../variants/index.ts';
import { fromFile } from './nestedFields.ts';
import {
  ownPlacementKeys,
  type PeftJson,
  type PeftPlacement,
  passiveKeys,
  placementKeys,
} from './peftConfig.ts';
import { shown } from './shown.ts';

/** All variants of this package: whatever the files in `variants` export. */
export const variants: readonly Variant[] = valuesOf(exported).filter(isVariant);

/** All variants that change no weight. */
export const moduleVariants: readonly ModuleVariant[] = valuesOf(exported).filter(isModuleVariant);

/**
 * The method that an `adapter_config.json` describes. What it does not act on is kept for the next save.
 *
 * @param plugins variants from elsewhere, which come first.
 * @throws LorikeetError `unsupported` for a method or an active option that is not built; `invalid-config`.
 */
export function methodOf(
  json: PeftJson,
  { peft_type: type, bias, alora_invocation_tokens: tokens }: PeftPlacement,
  plugins: readonly Variant[],
): Method {
  const known = [...plugins, ...variants].filter(({ peft }) => peft !== undefined);
  const ofType = known.filter(({ peft }) => peft?.type === type);
  const variant = ofType.find(isMarked(json)) ?? ofType.find(({ peft }) => !peft?.mark);
  if (variant === undefined) {
    throw new LorikeetError('unsupported', `the PEFT method ${shown(type)}`, {
      expected: [...new Set(known.map(({ peft }) => peft?.type))].join(', '),
      received: shown(type),
    });
  }
  const goesAlong = (key: string): boolean =>
    Object.hasOwn(variant.peft?.inactive ?? {}, key) &&
    (ownPlacementKeys.includes(key) || known.some(goesUnder(key)));
  const { options, extra } = readFields(variant, json, goesAlong);
  return {
    kind: 'adapter',
    variant,
    config: parseConfig(variant, options),
    target: { bias, ...(tokens === null ? {} : { invocationTokens: tokens }) },
    extra,
  };
}

/** The method that changes no weight that a config describes; `undefined` if it is another. */
export function moduleMethodOf(
  json: PeftJson,
  plugins: readonly ModuleVariant[],
  compat?: 'peft',
): ModuleMethod | undefined {
  const known = [...plugins, ...moduleVariants];
  const variant = known.find(({ peft }) => peft !== undefined && peft.type === json.peft_type);
  if (variant === undefined) return undefined;
  const { options, extra } = readFields(
    variant,
    json,
    (key) => variant.peft?.derivedKeys.includes(key) === true,
  );
  const departs = compat !== undefined && Object.hasOwn(variant.schema.shape, 'compat');
  const config = parseConfig(variant, departs ? { ...options, compat } : options);
  return { kind: 'module', variant, config, target: {}, extra };
}

type Described = Pick<Variant, 'name' | 'schema'> & {
  readonly peft?:
    | {
        readonly inactive?: Readonly<Record<string, unknown>>;
        readonly ignored?: readonly string[];
        readonly mark?: { readonly key: string };
      }
    | undefined;
};

/** The fields of a config, and what else it has, which must be known to change nothing. */
function readFields(
  variant: Described,
  json: PeftJson,
  isHandled: (key: string) => boolean,
): { readonly options: Record<string, unknown>; readonly extra: Record<string, unknown> } {
  const fields = peftFieldsOf(variant);
  const options: Record<string, unknown> = {};
  for (const { field, key } of fields) {
    const value = fromFile(variant.schema.shape[field], json[key]);
    // Of most fields `null` is as if it were not there.
    if (value === undefined || (value === null && !takesNull(variant, field))) continue;
    if (isUnknownChoice(variant, field, value)) throw unsupportedOption(variant, key, value);
    options[field] = value;
  }
  const own = new Set([...fields.map(({ key }) => key), 'bias', 'peft_type']);
  if (variant.peft?.mark !== undefined) own.add(variant.peft.mark.key);
  const extra = Object.entries(json).filter(([key]) => !own.has(key));
  for (const [key, value] of extra) {
    const isPlain = placementKeys.includes(key) || passiveKeys.includes(key);
    if (!isPlain && !isInactive(variant, key, value) && !isHandled(key))
      throw unsupportedOption(variant, key, value);
  }
  return { options, extra: Object.fromEntries(extra) };
}

/** Whether a config means a method by the key that marks it. */
function isMarked(json: PeftJson): (variant: Variant) => boolean {
  return ({ peft }) => {
    const value = peft?.mark === undefined ? null : json[peft.mark.key];
    return value !== undefined && value !== null && value !== false;
  };
}

/** Whether a method goes with others under a key of their configs. */
function goesUnder(key: string): (variant: Variant) => boolean {
  return ({ peft }) => peft?.within?.key === key;
}

/** Whether a field that offers a choice is given something else, as another release of PEFT may offer it. */
function takesNull({ schema }: Described, field: string): boolean {
  return schema.shape[field]?.safeParse(null).success === true;
}

function isUnknownChoice({ schema }: Described, field: string, value: unknown): boolean {
  const issues = schema.shape[field]?.safeParse(value).error?.issues ?? [];
  return issues.some(
    ({ code }: { code?: string }) => code === 'invalid_union' || code === 'invalid_value',
  );
}

/** Whether an option of PEFT has a value that turns it off. */
function isInactive({ peft }: Described, key: string, value: unknown): boolean {
  if (value === null || value === false) return true;
  if (typeof value === 'object' && Object.keys(value).length === 0) return true;
  if (peft?.ignored?.includes(key) === true) return true;
  const inactive = peft?.inactive ?? {};
  return Object.hasOwn(inactive, key) && inactive[key] === value;
}

function unsupportedOption({ name }: Described, key: string, value: unknown): LorikeetError {
  return new LorikeetError('unsupported', `${name} with ${key} ${shown(value)}`, {
    received: `${key}: ${shown(value)}`,
    hint: 'the adapter needs a method that is not built yet; without it the results would be wrong',
  });
}

function isVariant(value: unknown): value is Variant {
  return typeof value === 'object' && value !== null && 'materialize' in value && 'schema' in value;
}

function isModuleVariant(value: unknown): value is ModuleVariant {
  return typeof value === 'object' && value !== null && 'accepts' in value && 'schema' in value;
}

function valuesOf(exports: object): unknown[] {
  return Object.values(exports);
}
