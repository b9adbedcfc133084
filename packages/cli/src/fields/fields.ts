import { z } from 'zod';

/** What is said of a field beside what it may be. */
export interface FieldInfo {
  /** What it means, in a line of help. */
  readonly about: string;
  readonly example: unknown;
  /** What stands for its value in help. */
  readonly value?: string;
}

/** The settings of a command, each once: flags, the fields of a file and its schema are made of them. */
export interface Fields<Config> {
  readonly schema: z.ZodType<Config>;
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

export function fieldsOf<Config>(
  shape: {
    readonly [Name in keyof Config]-?: z.ZodType<Config[Name]>;
  },
): Fields<Config> {
  const own: Readonly<Record<string, z.ZodType>> = shape;
  // The types of the fields are held to the config's above, which zod cannot follow.
  const schema = z.strictObject(own) as unknown as z.ZodType<Config>;
  return { schema, shape: own };
}

/** A field with its help. */
export function field<Schema extends z.ZodType>(schema: Schema, info: FieldInfo): Schema {
  return schema.meta({ description: info.about, examples: [info.example], value: info.value });
}

export function infoOf(schema: z.ZodType): FieldInfo {
  const { description = '', examples = [], value } = schema.meta() ?? {};
  const [example] = Array.isArray(examples) ? examples : [];
  return { about: description, example, ...(typeof value === 'string' ? { value } : {}) };
}

/** A JSON Schema of the file that may hold the settings, for editors and other programs. */
export function jsonSchemaOf({ schema }: Fields<unknown>, title: string): object {
  const { properties, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // What stands for a value in help is no word of JSON Schema.
      delete jsonSchema.value;
    },
  });
  return { title, ...rest, properties: { $schema: { type: 'string' }, ...properties } };
}
