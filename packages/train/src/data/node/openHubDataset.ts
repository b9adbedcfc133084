import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import { chain } from '../chain.ts';
import type { Dataset } from '../dataset.ts';
import { hubConfigs, matchesPattern } from '../files/hubCard.ts';
import type { PlacedRow } from '../files/row.ts';
import { type RowsOptions, readRows } from './readRows.ts';

export interface HubDataset {
  /** The names of the splits there are. */
  readonly splits: readonly string[];
  /** The names of classes, by column, as the README tells them. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** The rows of a split, of all its files in the order of their names. */
  rows(split: string, options?: RowsOptions): Dataset<PlacedRow>;
}

/**
 * A data set in the layout of the Hugging Face Hub: a folder with a README.md that tells its configurations, or with files
 * whose names tell their splits.
 *
 * @param config the name of a configuration; needed where there are several and none is named `default`.
 * @throws LorikeetError `no-match` if there is no such configuration, split or file, `invalid-file` for a folder that
 *   cannot be read.
 */
export async function openHubDataset(folder: string, config?: string): Promise<HubDataset> {
  const files = await listFiles(folder);
  const readme = files.includes('README.md')
    ? await readFile(join(folder, 'README.md'), 'utf8')
    : undefined;
  const configs = hubConfigs(readme, files);
  const wanted = config ?? (configs.length === 1 ? configs[0]?.name : 'default');
  const chosen = configs.find(({ name }) => name === wanted);
  if (chosen === undefined) {
    const names = configs.map(({ name }) => name).join(', ');
    throw new LorikeetError('no-match', `the data set has no configuration ${wanted}`, {
      path: folder,
      expected: `one of ${names}`,
      hint: 'name the configuration',
    });
  }
  return {
    splits: Object.keys(chosen.splits),
    labels: chosen.labels,
    rows(split, options = {}) {
      const patterns = new Map(Object.entries(chosen.splits)).get(split) ?? [];
      const paths = files.filter((path) => patterns.some((one) => matchesPattern(one, path)));
      if (paths.length === 0) {
        throw new LorikeetError('no-match', `the data set has no file for the split ${split}`, {
          path: folder,
          expected: `one of ${Object.keys(chosen.splits).join(', ')}`,
          received: patterns.join(', ') || split,
        });
      }
      return chain(paths.toSorted().map((path) => readRows(join(folder, path), options)));
    },
  };
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, '/').length))
      .map((path) => path.replaceAll('\\', '/'))
      .toSorted();
  } catch (cause) {
    throw new LorikeetError('invalid-file', 'the folder cannot be read', { path: folder, cause });
  }
}
