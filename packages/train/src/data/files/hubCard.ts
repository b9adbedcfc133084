import { LorikeetError } from '@lorikeet/tensor-core';
import { parse } from 'yaml';
import { isRow } from './readJsonLines.ts';

/** Which files of a data set's folder make up its splits. */
export interface HubConfig {
  readonly name: string;
  /** Paths or patterns, by split. */
  readonly splits: Readonly<Record<string, readonly string[]>>;
  /** The names of classes, by column. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/**
 * What a data set's README.md says of its files, in the YAML before its text. Without `configs` there, or without a README,
 * splits go by the names of files and folders.
 *
 * @param files the paths in the folder.
 * @throws LorikeetError `invalid-file` if the YAML cannot be read, `no-match` if there is no file of data.
 */
export function hubConfigs(readme: string | undefined, files: readonly string[]): HubConfig[] {
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme ?? '')?.[1];
  const card = front === undefined ? {} : parseCard(front);
  const infos = [card.dataset_info].flat().filter(isRow);
  const labelsOf = (name: string): Record<string, string[]> =>
    classNames(infos.find((info) => (info.config_name ?? 'default') === name) ?? {});
  const configs = [card.configs].flat().filter(isRow);
  const named = configs.flatMap((config) => {
    if (config.data_files === undefined) return [];
    const name = String(config.config_name ?? 'default');
    return [{ name, splits: splitsOf(config.data_files), labels: labelsOf(name) }];
  });
  if (named.length > 0) return named;
  const splits = splitsByName(files);
  if (Object.keys(splits).length === 0) {
    throw new LorikeetError('no-match', 'the folder has no file of data', {
      expected: '.parquet, .jsonl, .json, .csv or .tsv',
      received: files.slice(0, 10).join(', '),
    });
  }
  return [{ name: 'default', splits, labels: labelsOf('default') }];
}

function parseCard(yaml: string): Record<string, unknown> {
  try {
    const card: unknown = parse(yaml, { maxAliasCount: 100 });
    return isRow(card) ? card : {};
  } catch (cause) {
    throw new LorikeetError('invalid-file', 'the YAML of a data set cannot be read', {
      path: 'README.md',
      cause,
    });
  }
}

/** `data_files` is a path, a list of paths, a record by split, or a list of `{ split, path }`. */
function splitsOf(dataFiles: unknown): Record<string, string[]> {
  const list = [dataFiles].flat();
  const records = list.filter(isRow);
  if (records.length === 0) return { train: list.map(String) };
  return Object.fromEntries(
    records.flatMap((record) =>
      'path' in record
        ? [[String(record.split ?? 'train'), [record.path].flat().map(String)]]
        : Object.entries(record).map(([split, paths]) => [split, [paths].flat().map(String)]),
    ),
  );
}

function classNames(info: Readonly<Record<string, unknown>>): Record<string, string[]> {
  const features = [info.features].flat().filter(isRow);
  return Object.fromEntries(
    features.flatMap(({ name, dtype, sequence }) => {
      const type = isRow(dtype) ? dtype : isRow(sequence) ? sequence : {};
      const inner = isRow(type.dtype) ? type.dtype : type;
      const labels = isRow(inner.class_label) ? inner.class_label.names : undefined;
      if (!isRow(labels)) return [];
      const ordered = Object.entries(labels).toSorted(([a], [b]) => Number(a) - Number(b));
      return [[String(name), ordered.map(([, label]) => String(label))]];
    }),
  );
}

const data = /\.(parquet|jsonl|ndjson|json|csv|tsv)(\.gz)?$/;
const keywords: Readonly<Record<string, string>> = {
  train: 'train|training',
  validation: 'validation|valid|val|dev',
  test: 'test|testing|eval|evaluation',
};

/** Hugging Face's rule: a split's name as a word of the path; files without one are for training. */
function splitsByName(files: readonly string[]): Record<string, string[]> {
  const usable = files.filter((path) => data.test(path) && !path.startsWith('.'));
  const found = Object.entries(keywords).flatMap(([split, words]) => {
    const pattern = new RegExp(`(^|[/._\\- 0-9])(${words})([/._\\- 0-9]|$)`, 'i');
    const paths = usable.filter((path) => pattern.test(path)).toSorted();
    return paths.length === 0 ? [] : [[split, paths] as const];
  });
  if (found.length > 0)
    return Object.fromEntries(found.map(([split, paths]) => [split, [...paths]]));
  return usable.length === 0 ? {} : { train: usable.toSorted() };
}

/** Whether a path is meant by a pattern with `*`, `**` and `?`. */
export function matchesPattern(pattern: string, path: string): boolean {
  const source = pattern
    .replace(/^\.\//, '')
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/\*\*\/|\*\*|\*|\?/g, (glob) =>
      glob === '**/' ? '(.*/)?' : glob === '**' ? '.*' : glob === '*' ? '[^/]*' : '[^/]',
    );
  return new RegExp(`^${source}$`).test(path);
}
