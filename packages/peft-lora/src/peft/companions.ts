import { at, isAdaptable, nearestOf, takesVectors } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { modelPaths } from '../rewrite.ts';
import { endsInName } from '../target.ts';
import { type Method, parseConfig, type Variant } from '../variant.ts';
import type { AdaptedPlace } from './encodeFields.ts';
import type { PeftJson } from './peftConfig.ts';
import { shown } from './shown.ts';

/** Places of the method that an adapter is of, and of those that its config brings along under keys of theirs. */
export interface SplitPlaces {
  readonly main: readonly AdaptedPlace[];
  readonly companions: readonly AdaptedPlace[];
}

/** Tells the method of an adapter from those that go with it. Alone, these are methods themselves. */
export function splitPlaces(places: readonly AdaptedPlace[]): SplitPlaces {
  const leads = ({ settings: { variant } }: AdaptedPlace): boolean =>
    variant.peft?.within === undefined;
  const main = places.filter(leads);
  if (main.length === 0) return { main: places, companions: [] };
  const known = main[0]?.settings.variant.peft?.inactive ?? {};
  const goesAlong = ({ settings: { variant } }: AdaptedPlace): boolean =>
    Object.hasOwn(known, variant.peft?.within?.key ?? '');
  const others = places.filter((place) => !leads(place));
  return {
    main: [...main, ...others.filter((place) => !goesAlong(place))],
    companions: others.filter(goesAlong),
  };
}

/** Methods that the config of another one brings along, with the paths of their modules. */
export function companionsOf(
  json: PeftJson,
  { variant }: Method,
  known: readonly Variant[],
  model: unknown,
): ReadonlyMap<string, Method> {
  const found = new Map<string, Method>();
  for (const candidate of known) {
    const { within } = candidate.peft ?? {};
    if (within === undefined || !Object.hasOwn(variant.peft?.inactive ?? {}, within.key)) continue;
    for (const [path, value] of modulesOf(json[within.key], within.key, model)) {
      const config = parseConfig(candidate, within.decode(value));
      found.set(path, { kind: 'adapter', variant: candidate, config, target: {}, extra: {} });
    }
  }
  return found;
}

/** The keys of a config for the methods that go with it: in the words in which they were loaded, if those still fit. */
export function encodeCompanions(
  companions: readonly AdaptedPlace[],
  loaded: PeftJson,
  model: unknown,
): Record<string, unknown> {
  const written: Record<string, Record<string, unknown>> = {};
  for (const { path, settings } of companions) {
    const { within } = settings.variant.peft ?? {};
    if (within !== undefined)
      written[within.key] = { ...written[within.key], [path]: within.encode(settings.config) };
  }
  return Object.fromEntries(
    Object.entries(written).map(([key, value]) => {
      const words = loaded[key];
      const before = JSON.stringify(sorted(modulesOf(words, key, model, false)));
      return [key, before === JSON.stringify(sorted(Object.entries(value))) ? words : value];
    }),
  );
}

function sorted<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * What the key says for each module: a record by ends of paths, or a list for the embedding of the model's tokens.
 *
 * @throws LorikeetError `no-match` for a name that is not in the model, if it must be.
 */
function modulesOf(
  value: unknown,
  key: string,
  model: unknown,
  isStrict = true,
): [path: string, value: unknown][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return [[inputEmbedding(model), value]];
  const modules = modelPaths(model).modules.filter((path) => isAdaptable(at(model, path)));
  return Object.entries(value).flatMap(([name, own]): [string, unknown][] => {
    const paths = modules.filter((path) => endsInName(path, name));
    if (paths.length > 0 || !isStrict) return paths.map((path) => [path, own]);
    throw new LorikeetError('no-match', `${shown(name)} in ${key} matches no module`, {
      received: shown(name),
      hint: nearestOf(name.slice(0, 100), modules),
    });
  });
}

/** Path of the embedding of a model's tokens. Throws `unsupported` for a model that does not tell. */
export function inputEmbedding(model: unknown): string {
  if (takesVectors(model)) return model.inputSite.embedding;
  throw new LorikeetError(
    'unsupported',
    'the model does not tell which embedding its tokens have',
    {
      expected: 'a model with an inputSite, as those of the model zoo',
      hint: 'name the module in adapter_config.json',
    },
  );
}
