import type { Context, Site } from '@lorikeet/nn';
import { type Draw, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import type { z } from 'zod';
import type { LowRank } from './algebra/lowRank.ts';
import type { SiteShape } from './siteShape.ts';
import type { TargetOptions } from './target.ts';
import type { StepRule, TrainedPlace } from './training/stepRule.ts';

/** Named tensors of an adapter. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What a variant is given to make an adapter's first values. */
export interface InitArguments<Config> {
  readonly shape: SiteShape;
  readonly config: Config;
  readonly key: Tensor;
  /** The weight under the adapter, as in `AdapterArguments`. To be recorded, not read. */
  base(): Tensor;
  /** The weight under all adapters, likewise. */
  root(): Tensor;
  /** As in `AdapterArguments`. */
  readonly compat: 'peft' | undefined;
  /** The bias of the module, `null` if there is none. To be recorded, not read. */
  bias(): Tensor | null;
  /** The bias under all adapters, likewise. */
  rootBias(): Tensor | null;
  /** What `share` made for the place. */
  readonly shared?: SharedTensors | undefined;
}

/** What a variant is given to make what an adapter needs besides. */
export interface FrozenArguments<Config> extends InitArguments<Config> {
  /** Number of the place among those of the adapter, in the order of the model, from 0. */
  readonly index: number;
  /** The places of the adapter with this config, in that order; the same list for all of them. */
  readonly places: readonly SharingPlace<Config>[];
  /** Path of the module. */
  readonly path: string;
  /** What `init` made. */
  readonly parameters: Tensors;
  /** Whether nothing below trains, so that what is made of `base()` stays true. */
  readonly isBaseFixed: boolean;
}

/** One of the places of an adapter, told to a variant whose places have tensors in common. */
export interface SharingPlace<Config> {
  /** Path of the module. */
  readonly path: string;
  readonly shape: SiteShape;
  readonly config: Config;
  /** As in `AdapterArguments`. */
  readonly compat: 'peft' | undefined;
  /** The weight under the adapter, as in `AdapterArguments`. To be recorded, not read. */
  base(): Tensor;
  /** The weight under all adapters, likewise. */
  root(): Tensor;
}

/** Tensors that several places of an adapter have in common. */
export interface SharedTensors {
  /** What trains. */
  readonly parameters: Tensors;
  readonly frozen: Tensors;
}

/** What a variant is given to compute with an adapter. */
export interface AdapterArguments<Config> {
  readonly shape: SiteShape;
  readonly config: Config;
  /** What trains, of this place alone and shared. */
  readonly parameters: Tensors;
  /** What does not train, likewise. */
  readonly frozen: Tensors;
  /** Whether to compute as PEFT does where that departs from the mathematics. */
  readonly compat: 'peft' | undefined;
  /** The weight under the adapter: [out, in], [rows, width], [O, C, ...kernel] or [E, out, in]. */
  base(): Tensor;
  /** The weight under all adapters, which is another one where this adapter lies on others. */
  root(): Tensor;
}

/** What a fast form is given besides: the same product with the weight under the adapter. */
export interface ProductArguments<Config> extends AdapterArguments<Config> {
  readonly context: Context;
  product(x: Tensor): Tensor;
}

/** Tensors that stand for the parameters of a place in a file. */
export interface StoredForm {
  encode(parameters: Tensors): Tensors;
  decode(stored: Tensors): Tensors | Promise<Tensors>;
}

/** How a method is written in Hugging Face PEFT's files. */
export interface PeftFormat<Config = unknown> {
  /** `peft_type`. */
  readonly type: string;
  /**
   * For a type that other methods have too: the key of the config that means this one wherever it is neither `null` nor
   * `false`, and what is written there if that is no field of the config.
   */
  readonly mark?: { readonly key: string; readonly value?: unknown };
  /**
   * The other keys of its config in PEFT, with the values that change nothing: options that Lorikeet does not
   * act on, and those of the placement (`bias`, `exclude_modules`, ...) that not every method has.
   */
  readonly inactive?: Readonly<Record<string, unknown>>;
  /** Keys of its config that PEFT itself never reads for this method, so that any value changes nothing. */
  readonly ignored?: readonly string[];
  /**
   * The end of the key of each tensor, after the path of the module: of what trains, and of what does not if it is
   * stored too.
   */
  keys(kind: Site['kind'], config: Config): Readonly<Record<string, string>>;
  /** Keys of the placement that PEFT's method does not have, such as `modules_to_save`. */
  readonly lacks?: readonly string[];
  /** Whether its patterns may fit any part of a path, where those of others fit ends. */
  readonly searchesPatterns?: boolean;
  /** Whether a config without targets means the embedding of the model's tokens. */
  readonly targetsInput?: boolean;
  /** For a method that the configs of others can bring along, those that have its key among `inactive`. */
  readonly within?: {
    readonly key: string;
    /** What comes before the keys of its tensors there. */
    readonly prefix: string;
    /** What the config says of one module. */
    encode(config: Config): unknown;
    decode(value: unknown): unknown;
  };
  /** Whether a key is of a file that the configs of `settle` have. */
  isSettled?(key: string): boolean;
  /** For a place whose file has other tensors in place of the parameters. `keys` has those of both. */
  stored?(config: Config, shape: SiteShape): StoredForm | undefined;
  /**
   * The end of the key of each shared tensor that is stored; `{n}` is its number, where there are several.
   *
   * @param path of the first module that shares.
   */
  sharedKeys?(config: Config, path: string): Readonly<Record<string, string>>;
}

/** Facts that shared code and the laws ask for, so that they never ask for a name. */
export interface VariantTraits<Config> {
  /** Whether the adapted weight equals the base at first. */
  identityAtInit(config: Config): boolean;
  /** The highest rank that the change of the weight can have; `undefined` if it is not bounded. */
  maxRank(config: Config): number | undefined;
  /** Whether another key gives other first values. */
  isRandomAtInit(config: Config): boolean;
  /** Whether a call in training draws random numbers, as with dropout. */
  isStochastic(config: Config): boolean;
  /**
   * Whether derivatives take a part of what they are of as a constant on purpose, by `stopGradient`; not so if left out.
   *
   * @param isTraining asks of calls in training, else of those in evaluation.
   */
  holdsConstants?(config: Config, isTraining: boolean): boolean;
  /** Whether derivatives by some parameters are on purpose only their parts in a subspace: orthogonal projections. */
  projectsGradients?(config: Config): boolean;
  /** Number of trainable elements, in closed form. */
  parameterCount(config: Config, shape: SiteShape): number;
  /** Whether the rows of the adapted weight are at the angles of those of the base, or at their supplements. */
  keepsAngles?(config: Config): boolean;
  /** Number of trainable elements that all places together share. */
  sharedParameterCount?(config: Config, shapes: readonly SiteShape[]): number;
  /** Whether it holds for a second use of the weight too, as in a tied head. By default it does not. */
  isTied?(config: Config): boolean;
}

/**
 * A method of parameter-efficient fine-tuning that changes a weight: one object in one file.
 *
 * `materialize` is its meaning. The fast forms are optional; the laws hold them to the meaning.
 */
export interface Variant<Config = unknown> {
  readonly name: string;
  /** Where the method is described. */
  readonly paper: string;
  /** Checks and completes a config. Each field's `meta({ peft })` is its key in PEFT's file. */
  readonly schema: z.ZodObject;
  readonly kinds: readonly Site['kind'][];
  readonly traits: VariantTraits<Config>;
  /** Hints for `adapterLaws`: some config; every field varies. Paths in the laws end in `first` and `second`. */
  sample(draw: Draw): Partial<Config>;
  /** Hint for `adapterLaws`: from which sides of weights are drawn, for a method that refuses most; else 1 to 4. */
  readonly sides?: readonly number[];
  readonly peft?: PeftFormat<Config>;
  /** The config at one path, for a config that has patterns. */
  configAt?(config: Config, path: string): Config;
  /**
   * After `configAt`, the configs of all places of an adapter with one config, in the order of the model: for an option
   * that shares something out among them.
   */
  configsAmong?(places: readonly SharingPlace<Config>[]): readonly Config[];
  init(args: InitArguments<Config>): Tensors;
  /** What a place needs beside its parameters and does not train, such as a random projection. */
  frozen?(args: FrozenArguments<Config>): Tensors;
  /**
   * What a place needs besides and is made of the rest of its tensors, which are in `args` then. Made anew where a file
   * brings these, so that it fits them.
   */
  derived?(args: AdapterArguments<Config>): Tensors;
  /**
   * What places have in common, for each of the places of an adapter with one config, in the order of the model. The
   * same object for several places is there once: it counts once, trains as one and is stored once.
   */
  share?(places: readonly SharingPlace<Config>[], key: Tensor): readonly SharedTensors[];
  /** The config of a place with what shapes in files depend on and only values tell; not part of the options. */
  settle?(args: AdapterArguments<Config>): Promise<Config>;
  materialize(args: AdapterArguments<Config>): Tensor;
  contract?(x: Tensor, args: ProductArguments<Config>): Tensor;
  /**
   * Whether `contract` takes longer than to make the whole adapted weight, and one product with that, for so many rows of
   * inputs. Asked only where the base is a plain tensor of full precision.
   */
  isWholeSooner?(
    args: Pick<AdapterArguments<Config>, 'config' | 'shape' | 'compat'> & { readonly rows: number },
  ): boolean;
  gather?(ids: Tensor, args: ProductArguments<Config>): Tensor;
  convolve?(x: Tensor, args: ConvolutionArguments<Config>): Tensor;
  contractExperts?(x: Tensor, args: ProductArguments<Config>): Tensor;
  /**
   * The change of the weight as thin factors, for a method that adds such a product whatever the base is. With it,
   * adapters are added up, compressed, compared and batched row by row without a dense matrix.
   */
  lowRank?(args: Omit<AdapterArguments<Config>, 'base'>): LowRank | undefined;
  /** Parameters whose change of the weight is `pair`, where the config has room for it; else `undefined`. */
  fromLowRank?(
    pair: LowRank,
    args: { readonly config: Config; readonly shape: SiteShape },
  ): Tensors | undefined;
  /** For a method that changes the bias of the module too. */
  readonly bias?: BiasRule<Config>;
  /**
   * What becomes of the bias of the module, [out], by the parameters of the weight: for a method that changes what the
   * module puts out. `null` is no bias.
   */
  adaptBias?(bias: Tensor | null, args: AdapterArguments<Config>): Tensor | null;
  /**
   * What the method asks to be added to the loss: a scalar, of all places of an adapter with one config.
   *
   * @param context of its own, for a method that draws numbers; `undefined` if the caller gave none.
   */
  penalty?(places: readonly TrainedPlace<Config>[], context: Context | undefined): Tensor;
  /** What the method does to its parameters in each step of training. */
  readonly stepRule?: StepRule<Config>;
  /**
   * Names of the parameters that are the thin factors of the update, B [out, R, ...] and A [R, in, ...], for optimisers
   * that treat them apart. With a `scale`, the update is their product times it and nothing else. `undefined` where one of
   * them does not train.
   */
  factors?(config: Config): FactorNames | undefined;
  /** Why a weight of this shape cannot be adapted with this config, such as a size that does not divide; else `undefined`. */
  refusal?(config: Config, shape: SiteShape): string | undefined;
}

export interface FactorNames {
  readonly left: string;
  readonly right: string;
  readonly scale: number | null;
  /** Whether a factor has fewer entries than the update has sides, so that it does not tell how large the weight is. */
  readonly isShort?: boolean;
}

export interface ConvolutionArguments<Config> extends ProductArguments<Config> {
  /** The same convolution (stride, padding, dilation, and groups if not given) of `x` with another kernel. */
  convolveWith(x: Tensor, kernel: Tensor, groups?: number): Tensor;
}

export interface BiasRule<Config> {
  isUsed(config: Config): boolean;
  init(args: InitArguments<Config>): Tensors;
  materialize(
    base: Tensor,
    args: { readonly config: Config; readonly parameters: Tensors },
  ): Tensor;
  readonly peftKeys: Readonly<Record<string, string>>;
}

/** A variant with a config, to be put on the weights that a selector finds. */
export interface Method<Config = unknown> {
  readonly kind: 'adapter';
  readonly variant: Variant<Config>;
  readonly config: Config;
  readonly target: TargetOptions;
  /** Keys of PEFT's config that Lorikeet does not act on, kept for the next save. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A checked method from a variant and options. Throws `invalid-config`, naming each fault. */
export function method<Config>(
  variant: Variant<Config>,
  options: Partial<Config> & TargetOptions = {},
): Method<Config> {
  const { bias, layers, layersPattern, exclude, invocationTokens, compat, ...rest } = options;
  requireTokens(invocationTokens);
  const target = {
    ...(bias === undefined ? {} : { bias }),
    ...(layers === undefined ? {} : { layers }),
    ...(layersPattern === undefined ? {} : { layersPattern }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(invocationTokens === undefined ? {} : { invocationTokens }),
    ...(compat === undefined ? {} : { compat }),
  };
  return { kind: 'adapter', variant, config: parseConfig(variant, rest), target, extra: {} };
}

function requireTokens(tokens: readonly number[] | undefined): void {
  if (tokens === undefined) return;
  if (tokens.length > 0 && tokens.every((id) => Number.isInteger(id) && id >= 0)) return;
  throw new LorikeetError('invalid-config', 'an invocation is of at least one token', {
    expected: 'ids of tokens',
    received: JSON.stringify(tokens),
  });
}

/** Completes and checks the config of a variant. Throws `invalid-config`, naming each fault. */
export function parseConfig<Config>(
  variant: Pick<Variant<Config>, 'name' | 'schema'>,
  options: unknown,
): Config {
  const result = variant.schema.safeParse(options);
  if (result.success) return result.data as Config;
  throw new LorikeetError('invalid-config', `the config of ${variant.name} is not valid`, {
    expected: `fields: ${Object.keys(variant.schema.shape).join(', ')}`,
    received: result.error.issues
      .map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`)
      .join('; '),
  });
}

/**
 * A field of a config with its key in PEFT's `adapter_config.json`.
 *
 * @param pattern the field that holds other values of it for some paths, if there is one.
 */
export function peftField<T extends z.ZodType>(schema: T, key: string, pattern?: string): T {
  return schema.meta({ peft: key, ...(pattern === undefined ? {} : { pattern }) });
}

/** A field of a variant's config as PEFT's file has it. */
export interface PeftFieldInfo {
  readonly field: string;
  readonly key: string;
  readonly pattern: string | undefined;
}

/** The fields of a variant's config that PEFT's file has. */
export function peftFieldsOf(variant: { readonly schema: z.ZodObject }): PeftFieldInfo[] {
  return Object.entries(variant.schema.shape).flatMap(([field, schema]): PeftFieldInfo[] => {
    const { peft: key, pattern } = (schema as z.ZodType).meta() ?? {};
    if (typeof key !== 'string') return [];
    return [{ field, key, pattern: typeof pattern === 'string' ? pattern : undefined }];
  });
}
