import { readFile } from 'node:fs/promises';
import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import { flagName, withFieldFlags } from './fieldFlags.ts';
import { type Fields, jsonSchemaOf } from './fields.ts';

interface FileFlags {
  readonly config?: string;
  readonly printConfig?: true;
  readonly printSchema?: true;
}

/**
 * A command whose settings are flags, or the same fields of a YAML or JSON file, where flags count more. The
 * action gets all settings, checked and with their defaults.
 */
export function withFields<Config>(
  command: Command,
  fields: Fields<Config>,
  action: (config: Config) => Promise<void>,
): Command {
  const title = `lorikeet ${command.name()}`;
  withFieldFlags(command, fields);
  return command
    .option(
      '--config <file>',
      'a YAML or JSON file of the same fields, with _ for -; flags count more',
    )
    .option('--print-config', 'print all settings as YAML, and do nothing')
    .option('--print-schema', 'print a JSON Schema of the file, and do nothing')
    .action(async ({ config: path, printConfig, printSchema, ...flags }: FileFlags) => {
      if (printSchema) return console.log(JSON.stringify(jsonSchemaOf(fields, title), null, 2));
      const file = path === undefined ? {} : await readSettings(path, fields);
      const given = Object.fromEntries(
        Object.keys(fields.shape).flatMap((name) => {
          const value = Reflect.get(flags, camelCase(name));
          return value === undefined ? [] : [[name, value]];
        }),
      );
      const result = fields.schema.safeParse({ ...file, ...given });
      if (!result.success) command.error(faultOf(result.error.issues), { exitCode: 2 });
      else if (printConfig) console.log(stringify(result.data).trimEnd());
      else await action(result.data);
    });
}

/** The fields of a file. Throws `invalid-file`, and `invalid-config` for a field that is none, or has no such value. */
async function readSettings(path: string, fields: Fields<unknown>): Promise<object> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const { $schema: _, ...settings } = recordIn(text, path);
  for (const [name, value] of Object.entries(settings)) {
    const schema = fields.shape[name];
    if (schema === undefined) throw noField(name, path, Object.keys(fields.shape));
    const result = schema.safeParse(value);
    if (!result.success)
      throw new LorikeetError('invalid-config', result.error.issues[0]?.message ?? 'not valid', {
        path: `${path}: ${name}`,
        received: JSON.stringify(value),
      });
  }
  return settings;
}

function recordIn(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value));
  throw unreadable(path, new Error('it is no list of fields'));
}

function unreadable(path: string, cause: unknown): LorikeetError {
  return new LorikeetError('invalid-file', `cannot read the settings in '${path}'`, {
    expected: 'YAML or JSON',
    received: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}

function noField(name: string, path: string, known: readonly string[]): LorikeetError {
  return new LorikeetError('invalid-config', `there is no setting '${name}'`, {
    path,
    hint: `nearest: ${nearestOf(name, known)}`,
  });
}

function faultOf(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): string {
  const told = issues.map(({ path, message }) => `${flagName(path.join('.'))}: ${message}`);
  return `error: ${told.join('; ')}`;
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
