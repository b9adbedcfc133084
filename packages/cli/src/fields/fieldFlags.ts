import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { listOption, recordOption } from '../options.ts';
import { type Fields, infoOf } from './fields.ts';

/** Adds a flag for each field. What is not given stays unset: its default is that of the field. */
export function withFieldFlags(command: Command, { shape }: Fields<unknown>): Command {
  for (const [name, schema] of Object.entries(shape)) command.addOption(flagOf(name, schema));
  return command;
}

/** The flag of a field: `learning_rate` is `--learning-rate`. */
export function flagName(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

function flagOf(name: string, schema: z.ZodType): Option {
  const { about, example, value } = infoOf(schema);
  const { type, standard, choices } = kindOf(schema);
  const shown = type === 'array' && Array.isArray(example) ? example.join(',') : example;
  const written = type === 'object' ? `'${JSON.stringify(example)}'` : String(shown);
  const help = [
    about,
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(standard === undefined ? [] : [`default ${JSON.stringify(standard)}`]),
    ...(type === 'boolean' ? [] : [`example: ${flagName(name)} ${written}`]),
  ].join('; ');
  if (type === 'boolean') {
    const flag = standard === true ? flagName(name).replace('--', '--no-') : flagName(name);
    return new Option(flag, help).default(undefined);
  }
  const option = new Option(`${flagName(name)} <${value ?? valueName(type)}>`, help);
  return option.argParser((text: string) => checked(schema, parse(text, type, schema)));
}

type Kind = 'string' | 'number' | 'boolean' | 'array' | 'object' | 'mixed';

function kindOf(schema: z.ZodType): {
  readonly type: Kind;
  readonly standard: unknown;
  readonly choices: readonly unknown[] | undefined;
} {
  const json = z.toJSONSchema(schema, { io: 'input' });
  const type = json.type === 'integer' ? 'number' : json.type;
  const known: readonly Kind[] = ['string', 'number', 'boolean', 'array', 'object'];
  const kind = known.find((one) => one === type) ?? 'mixed';
  return { type: kind, standard: json.default, choices: json.enum };
}

function valueName(type: Kind): string {
  return { number: 'n', array: 'list', object: 'json' }[type as string] ?? 'value';
}

function parse(text: string, type: Kind, schema: z.ZodType): unknown {
  const isNumber = text.trim() !== '' && Number.isFinite(Number(text));
  switch (type) {
    case 'number':
      return isNumber ? Number(text) : text;
    case 'array': {
      const items = listOption(text);
      return schema.safeParse(items).success ? items : items.map(Number);
    }
    case 'object':
      return recordOption(text);
    case 'mixed':
      return isNumber ? Number(text) : text;
    default:
      return text;
  }
}

function checked(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return value;
  throw new InvalidArgumentError(result.error.issues.map(({ message }) => message).join('; '));
}
