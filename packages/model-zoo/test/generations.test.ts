import { readdirSync, readFileSync } from 'node:fs';
import { type GenerateOptions, generate } from '@lorikeet/model-zoo';
import { load } from '@lorikeet/model-zoo/node';
import { tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';

// What transformers generates in f64, by tools/makeGenerations.py.

interface Generations {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly options: GenerateOptions;
    readonly sequences: readonly (readonly number[])[];
    /** `null` where transformers gives no number. */
    readonly scores?: readonly (number | null)[];
  }[];
}

const folder = new URL('fixtures/generations/', import.meta.url);
const names = readdirSync(folder).filter((name) => name !== 'processors.json');
const integers = (rows: readonly (readonly number[])[]) =>
  tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], 'i32');

describe.each(names)('%s', (file) => {
  const { cases, ...prompt }: Generations = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  const model = load(
    new URL(`fixtures/models/${file.replace('.json', '')}`, import.meta.url).pathname,
  );
  const given = {
    input_ids: integers(prompt.input_ids),
    attention_mask: integers(prompt.attention_mask),
  };
  test.each(cases.map((one) => [JSON.stringify(one.options), one] as const))(
    '%s',
    async (_, { options, sequences, scores }) => {
      const found = await generate(await model, given, options);
      expect(found.sequences).toEqual(sequences);
      for (const [i, score] of (scores ?? []).entries())
        if (score !== null) expect(found.scores?.[i]).toBeCloseTo(score, 4);
    },
  );
});
