import { LorikeetError } from '@lorikeet/tensor-core';
import { pythonRegExp } from './peft/pythonRegExp.ts';

/** Which biases train along with the adapters. */
export type BiasMode = 'none' | 'all' | 'lora_only';

/** Options of every method, beside the selector, on what it is put. */
export interface TargetOptions {
  /** `all`: every bias of the model; `lora_only`: those of adapted modules. Defaults to `none`. */
  readonly bias?: BiasMode;
  /** Only layers with these numbers; the number is the first in a path. */
  readonly layers?: readonly number[];
  /** The field before the layer's number, where a path has several numbers: `h`, `encoder.layer`. */
  readonly layersPattern?: string;
  /** Paths, or ends of paths, that are left out. */
  readonly exclude?: readonly string[];
  /**
   * The ids of tokens from whose last occurrence on the adapter acts; before them the model is its base: aLoRA. For linear
   * layers, called through `invokeAdapters`.
   */
  readonly invocationTokens?: readonly number[];
  /** Computes as PEFT does where that departs from the mathematics: the docs of each method say where. */
  readonly compat?: 'peft';
}

/** Whether the options leave a path in. */
export function isInTarget(
  path: string,
  { layers, layersPattern, exclude }: TargetOptions,
): boolean {
  if (exclude?.some((suffix) => endsInName(path, suffix)) === true) return false;
  if (layers === undefined) return true;
  const number = layerNumberOf(path, layersPattern);
  return number !== undefined && layers.includes(number);
}

/** Throws `no-match` for the number of a layer that none of the paths lies in. */
export function requireLayers(
  paths: readonly string[],
  { layers = [], layersPattern }: TargetOptions,
): void {
  const there = new Set(paths.map((path) => layerNumberOf(path, layersPattern)));
  const missing = layers.filter((number) => !there.has(number));
  if (missing.length === 0) return;
  throw new LorikeetError(
    'no-match',
    `nothing that is adapted lies in layer ${missing.join(', ')}`,
    {
      expected: `layers of ${[...there].filter((number) => number !== undefined).join(', ')}`,
      received: layers.join(', '),
      hint: 'layers are counted from 0',
    },
  );
}

/** Whether `path` is `suffix` or ends in it after a dot. */
export function endsInName(path: string, suffix: string): boolean {
  return path === suffix || path.endsWith(`.${suffix}`);
}

/** The number of the layer that a path lies in: the first numbered part after another name, or after a pattern. */
function layerNumberOf(path: string, pattern?: string): number | undefined {
  const names = path.split('.');
  const before = pattern?.split('.') ?? [];
  for (let i = 1; i < names.length - 1; i++) {
    if (!/^\d+$/.test(names[i] ?? '')) continue;
    const precedes = before.every((name, j) => names[i - before.length + j] === name);
    if (precedes) return Number(names[i]);
  }
  return undefined;
}

/**
 * The value of the first pattern that fits a path, as in PEFT's `rank_pattern` and `alpha_pattern`: each is a
 * regular expression for the end of a path, after a dot.
 */
export function valueForPath<T>(
  patterns: Readonly<Record<string, T>>,
  path: string,
): T | undefined {
  const found = expressionsOf(patterns).find(({ expression }) => expression.test(path));
  return found === undefined ? undefined : patterns[found.pattern];
}

interface Compiled {
  readonly pattern: string;
  readonly expression: RegExp;
}

const compiled = new WeakMap<object, readonly Compiled[]>();

/** The patterns of one config are asked for every weight, and made into expressions once. */
function expressionsOf(patterns: object): readonly Compiled[] {
  const known = compiled.get(patterns);
  if (known !== undefined) return known;
  const expressions = Object.keys(patterns).map((pattern) => ({
    pattern,
    expression: pythonRegExp(`(.*\\.)?(${pattern})`),
  }));
  compiled.set(patterns, expressions);
  return expressions;
}
