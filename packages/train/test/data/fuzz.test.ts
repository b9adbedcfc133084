import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isLorikeetError } from '@lorikeet/tensor-core';
import {
  type ByteSource,
  collect,
  type Dataset,
  hubConfigs,
  parseMeaning,
  readConll,
  readDelimited,
  readE2e,
  readGlue,
  readJsonArray,
  readJsonLines,
  readPairs,
  readParquet,
  readSgm,
  readTsv,
  squadExamples,
} from '@lorikeet/train/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const sourceOf = (bytes: Uint8Array): ByteSource => ({
  name: 'fuzz',
  async *open(start) {
    yield bytes.subarray(start);
  },
});

/** A valid beginning, then anything. */
const bytes = fc
  .tuple(
    fc.constantFrom(
      '',
      'mr,ref\n',
      'sentence\tlabel\n',
      '[{"paragraphs":[{"context":"a","qas":[',
      '<doc docid="x">\n<seg id="1">',
      'a,b\n"',
    ),
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 60 }).map((text) => new TextEncoder().encode(text)),
      fc
        .array(
          fc.constantFrom(
            '"',
            ',',
            '\t',
            '\n',
            '\r\n',
            '{',
            '}',
            '[',
            ']',
            ':',
            '<seg id=1>',
            '</seg>',
            '\u0000',
            'é',
            '"a"',
            '1',
          ),
          { maxLength: 30 },
        )
        .map((parts) => new TextEncoder().encode(parts.join(''))),
    ),
  )
  .map(([start, rest]) => Uint8Array.from([...new TextEncoder().encode(start), ...rest]));

async function expectTyped(read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    expect(error.message).not.toContain('internal:');
  }
}

describe('whatever the bytes are, there are rows or a LorikeetError', () => {
  test.each<[string, (source: ByteSource) => Dataset<unknown>]>([
    ['readJsonLines', readJsonLines],
    ['readJsonArray', readJsonArray],
    ['readDelimited', readDelimited],
    ['readTsv', readTsv],
    ['readConll', readConll],
    ['readSgm', readSgm],
    ['readPairs', readPairs],
    ['readE2e', readE2e],
    ['readGlue', (source) => readGlue('sst2', 'train', source)],
    ['squadExamples', (source) => squadExamples(readJsonArray(source))],
  ])('%s', async (_, read) => {
    await fc.assert(
      fc.asyncProperty(bytes, (some) => expectTyped(() => collect(read(sourceOf(some))))),
    );
  });

  test('hubConfigs and parseMeaning', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        await expectTyped(async () => hubConfigs(`---\nconfigs: ${text}\n---\n`, ['train.csv']));
        await expectTyped(async () => parseMeaning(text));
      }),
    );
  });

  test('readParquet, of a file with some bytes changed', async () => {
    const whole = readFileSync(fileURLToPath(new URL('../fixtures/rows.parquet', import.meta.url)));
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const torn = Uint8Array.from(whole);
        for (const [place, value] of changes) torn[place] = value;
        await expectTyped(() =>
          collect(
            readParquet({
              name: 'fuzz',
              byteLength: torn.length,
              slice: (start, end) => torn.slice(start, end).buffer,
            }),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });
});
