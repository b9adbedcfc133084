import { readFile } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';

const row = z.object({
  text: z.string().min(1),
  label: z.union([z.string().min(1), z.int().min(0)]),
});

/** Texts with the names of their classes. */
export interface LabelledTexts {
  readonly texts: readonly string[];
  /** Number of each text's class. */
  readonly labels: readonly number[];
  /** Names of the classes, sorted. */
  readonly classes: readonly string[];
}

/**
 * Reads JSON lines with the fields `text` and `label` (a name, or a number from 0).
 *
 * @throws LorikeetError `invalid-file`, naming the line.
 */
export async function readLabelledTexts(path: string): Promise<LabelledTexts> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  const rows = content
    .split(/\r?\n/)
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseRow(path, line, i + 1)]));
  const classes = [...new Set(rows.map(({ label }) => String(label)))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  if (classes.length < 2) {
    throw new LorikeetError('invalid-file', 'there are not two classes to tell apart', {
      path,
      expected: 'rows of at least two labels',
      received: `${rows.length} rows, ${classes.length} labels`,
    });
  }
  return {
    texts: rows.map(({ text }) => text),
    labels: rows.map(({ label }) => classes.indexOf(String(label))),
    classes,
  };
}

function parseRow(path: string, line: string, number: number): z.infer<typeof row> {
  const fault = (received: string, cause?: unknown): LorikeetError =>
    new LorikeetError('invalid-file', 'a row of the data set is not valid', {
      path: `${path}:${number}`,
      expected: '{"text": "...", "label": "..."}',
      received,
      cause,
    });
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw fault(line.slice(0, 60), cause);
  }
  const result = row.safeParse(parsed);
  if (!result.success)
    throw fault(
      result.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; '),
    );
  return result.data;
}
