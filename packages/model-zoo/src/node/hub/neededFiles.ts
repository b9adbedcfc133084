/** What a folder is fetched for. */
export type Need = 'model' | 'tokenizer';

const indexes: readonly string[] = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'];

/** Weights in the order in which they are looked for. */
const weights: readonly string[] = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

const tokenizers: readonly (readonly string[])[] = [
  ['tokenizer.json'],
  ['vocab.txt'],
  ['vocab.json', 'merges.txt'],
];
const besides: readonly string[] = [
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
];

/** Files of a folder that are needed, those without which it is of no use last; or nothing if it lacks them. */
export interface NeededFiles {
  readonly files: readonly string[];
  /** Which of them tells the names of further ones. */
  readonly index?: string;
}

/** @param names all that the folder has. */
export function neededFiles(names: ReadonlySet<string>, need: Need): NeededFiles | undefined {
  if (need === 'tokenizer') {
    const main = tokenizers.find((files) => files.every((name) => names.has(name)));
    return main && { files: [...besides.filter((name) => names.has(name)), ...main] };
  }
  if (!names.has('config.json'))
    return names.has('model.pt') && names.has('dict.txt')
      ? { files: ['dict.txt', 'model.pt'] }
      : undefined;
  const main = weights.find((name) => names.has(name));
  if (main === undefined) return undefined;
  const options = ['generation_config.json'].filter((name) => names.has(name));
  return {
    files: [...options, 'config.json', main],
    ...(indexes.includes(main) && { index: main }),
  };
}

/** The files that an index names, of those that the folder has; nothing if one is not there. */
export function shardNames(
  index: unknown,
  names: ReadonlySet<string>,
): readonly string[] | undefined {
  if (typeof index !== 'object' || index === null || !('weight_map' in index)) return undefined;
  const { weight_map: map } = index;
  if (typeof map !== 'object' || map === null) return undefined;
  const shards = [...new Set(Object.values(map))];
  const isThere = (name: unknown): name is string => typeof name === 'string' && names.has(name);
  return shards.every(isThere) ? shards : undefined;
}
