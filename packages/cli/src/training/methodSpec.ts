import type { Model } from '@lorikeet/model-zoo';
import { nearestOf } from '@lorikeet/nn';
import {
  type AdaptSpec,
  bitFit,
  loraVariant,
  method,
  moduleMethod,
  moduleVariants,
  train,
  variants,
} from '@lorikeet/peft-lora';
import { LorikeetError } from '@lorikeet/tensor-core';
import { defaultTargets } from './defaultTargets.ts';
import type { TrialFields } from './finetuneFields.ts';

/** Other names of methods, and what they stand for. */
const otherNames: Readonly<Record<string, string>> = {
  adapters: 'bottleneck',
  prefix: 'prefixtuning',
  prompt: 'prompttuning',
};

/** Methods that are LoRA with an option. */
const kindsOfLora: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  dora: { useDora: true },
};

/** What a method does with a model. */
export interface MethodSpec {
  /** Under the name that errors and reports use. */
  readonly name: string;
  /** For `adapt`; `null` if all of the model trains. */
  readonly spec: AdaptSpec | null;
  /** Whether files of PEFT hold what it trains; else the model is saved. */
  readonly hasFile: boolean;
}

type MethodFields = Pick<TrialFields, 'method' | 'options' | 'rank' | 'alpha' | 'targets'>;

/** @throws LorikeetError `no-match` for a name that is no method's, and what the options of the method give. */
export function methodSpec(model: Model, fields: MethodFields): MethodSpec {
  const name = plain(fields.method);
  if (name === 'full' || name === 'head') {
    requireNoOptions(fields);
    return { name, spec: name === 'full' ? null : {}, hasFile: false };
  }
  if (name === 'bitfit') {
    requireNoOptions(fields);
    return { name, spec: bitFit(), hasFile: false };
  }
  const kind = Object.hasOwn(kindsOfLora, name) ? kindsOfLora[name] : undefined;
  const known = kind === undefined ? (otherNames[name] ?? name) : loraVariant.name;
  const variant = variants.find((one) => plain(one.name) === known);
  if (variant !== undefined) {
    const { selectors, options } = defaultTargets(model, variant.name);
    const how = method(variant, { ...options, ...kind, ...optionsOf(fields, variant.name) });
    return specOf(variant.name, fields.targets ?? selectors, how);
  }
  const module = moduleVariants.find((one) => plain(one.name) === known);
  if (module === undefined) throw noMethod(fields.method);
  const how = moduleMethod(module, { ...sizes[module.name], ...optionsOf(fields, module.name) });
  const { selectors } =
    module.site === 'input' ? { selectors: [''] } : defaultTargets(model, module.name);
  return specOf(module.name, fields.targets ?? selectors, how);
}

/** Habits for what has no default of its own. */
const sizes: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  bottleneck: { size: 16 },
  compacter: { size: 16 },
  cartridge: { virtualTokens: 10 },
  prefixTuning: { virtualTokens: 10 },
  promptTuning: { virtualTokens: 10 },
  pTuning: { virtualTokens: 10 },
};

function specOf(name: string, selectors: readonly string[], how: AdaptSpec[string]): MethodSpec {
  return {
    name,
    spec: Object.fromEntries(selectors.map((selector) => [selector, how])),
    hasFile: true,
  };
}

/** The modules that train whole, beside what a method does. */
export function withWhole(spec: AdaptSpec, modules: readonly string[]): AdaptSpec {
  return { ...Object.fromEntries(modules.map((path) => [path, train()])), ...spec };
}

/** What is said of the method by options of their own and all together. */
function optionsOf({ options, rank, alpha }: MethodFields, name: string): Record<string, unknown> {
  // Of LoRA alone there is a habit to follow.
  const isLora = name === loraVariant.name;
  const own = rank ?? (isLora ? 8 : undefined);
  const scale = alpha ?? (isLora ? 2 * (own ?? 0) : undefined);
  return {
    ...(own === undefined ? {} : { rank: own }),
    ...(scale === undefined ? {} : { alpha: scale }),
    ...options,
  };
}

function requireNoOptions({ method: name, options, rank, alpha, targets }: MethodFields): void {
  const given = Object.entries({ rank, alpha, targets, ...options }).filter(
    ([, value]) => value !== undefined,
  );
  const [first] = given;
  if (first === undefined) return;
  throw new LorikeetError('invalid-argument', `${name} has no options`, {
    received: first[0],
  });
}

function noMethod(name: string): LorikeetError {
  const names = [
    ...[...variants, ...moduleVariants].map((one) => one.name),
    ...Object.keys(otherNames),
    ...Object.keys(kindsOfLora),
    ...['bitfit', 'full', 'head'],
  ];
  return new LorikeetError('no-match', `there is no method '${name}'`, {
    expected: names.join(', '),
    received: name,
    hint: nearestOf(name, names),
  });
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}
