import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';
import * as exported from './families/index.ts';
import type { Architecture, ModelFamily } from './family.ts';
import { architectureWith, type HeadName, headNames } from './heads/headNames.ts';
import { requireSizes } from './requireSizes.ts';

/** All families: whatever the folders under `families` export. */
export const families: readonly ModelFamily[] = Object.values(exported).filter(isFamily);

export interface FoundArchitecture {
  readonly family: ModelFamily;
  readonly architecture: Architecture<unknown>;
  /** The config, completed with defaults and the name of the class. */
  readonly config: unknown;
}

const head = z.looseObject({
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
});

/** Which class of a family is wanted, if not the one that the config names. */
export interface WantedClass {
  /** The name of transformers' class. */
  readonly architecture?: string | undefined;
  /** What its head is for. */
  readonly head?: HeadName | undefined;
}

/**
 * The architecture that a `config.json` asks for, or the one that is wanted.
 *
 * @throws LorikeetError `invalid-config`, naming each fault; `unsupported` for a family or a head that is
 *   not built.
 */
export function findArchitecture(json: unknown, wanted: WantedClass = {}): FoundArchitecture {
  const { model_type, architectures } = parse(head, json, 'config.json');
  requireSizes(Object(json));
  const family = families.find(({ modelType }) => modelType === model_type);
  if (family === undefined)
    throw unknown(
      'model type',
      model_type,
      families.map(({ modelType }) => modelType),
    );
  const known = Object.keys(family.architectures);
  const name =
    wantedName(wanted, known) ??
    architectures?.find((candidate) => known.includes(candidate)) ??
    architectures?.[0];
  const architecture =
    name !== undefined && Object.hasOwn(family.architectures, name)
      ? family.architectures[name]
      : undefined;
  if (name === undefined || architecture === undefined)
    throw unknown('architecture', name ?? 'none', known);
  const config = parse(
    family.schema,
    Object.assign({}, json, { architectures: [name] }),
    `the config of ${model_type}`,
  );
  return { family, architecture, config };
}

function wantedName(
  { architecture, head }: WantedClass,
  known: readonly string[],
): string | undefined {
  if (architecture !== undefined || head === undefined) return architecture;
  const name = architectureWith(head, known);
  if (name !== undefined) return name;
  const heads = headNames.filter((one) => architectureWith(one, known) !== undefined);
  throw unknown('head', head, heads);
}

function parse<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new LorikeetError('invalid-config', `${what} is not valid`, {
    received: result.error.issues
      .map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`)
      .join('; '),
  });
}

function unknown(what: string, name: string, known: readonly string[]): LorikeetError {
  return new LorikeetError('unsupported', `the ${what} '${name}'`, {
    expected: `one of ${known.join(', ')}`,
    received: name,
    hint: nearestOf(name, known),
  });
}

function isFamily(value: unknown): value is ModelFamily {
  return (
    typeof value === 'object' && value !== null && 'modelType' in value && 'architectures' in value
  );
}
