import type { Context, Shared } from '@lorikeet/nn';
import type { Draw, Tensor } from '@lorikeet/tensor-core';
import type { z } from 'zod';
import type { TargetOptions } from '../target.ts';
import { type Method, parseConfig, type Tensors } from '../variant.ts';

/** What a method that changes no weight is given to make an adapter's first values. */
export interface ModuleInitArguments<Config> {
  readonly module: object;
  readonly config: Config;
  readonly key: Tensor;
  /** What `share` made for this module and others of the adapter. */
  readonly shared: Readonly<Record<string, Shared<Tensor>>>;
}

/** One of the modules of an adapter, told to a variant whose modules have tensors in common. */
export interface ModulePlace<Config> {
  /** Path of the module. */
  readonly path: string;
  readonly module: object;
  readonly config: Config;
  /** The keys of the config that it was loaded from; empty if it was made here. */
  readonly loaded: Readonly<Record<string, unknown>>;
}

/** What an adapter is made of. */
export interface ModuleState<Parameters> {
  /** What trains: a tree. */
  readonly parameters: Parameters;
  /** What does not. */
  readonly frozen: Tensors;
}

/** What it is given in each call of the module. */
export interface ModuleCallArguments<Config, Parameters> extends ModuleState<Parameters> {
  readonly module: object;
  readonly config: Config;
  /** Of the adapter's own parts and randomness. */
  readonly context: Context;
  /** What the module was called with; the context of the module is the last. */
  readonly inputs: readonly unknown[];
  /** [B]: which task each row is of, where `applyTasks` told it; else `null`. */
  readonly tasks: Tensor | null;
  /** Calls the module without this adapter. */
  base(...inputs: readonly unknown[]): unknown;
  /** The same of another tree of the module's kind, in its place. */
  baseOf(module: object, ...inputs: readonly unknown[]): unknown;
}

/** How such a method is written in Hugging Face PEFT's files. */
export interface ModulePeftFormat<Config, Parameters> {
  /** `peft_type`. */
  readonly type: string;
  /** What comes before the keys of modules that are saved whole, and of those that follow the path of the module. */
  readonly prefix: 'base_model.' | 'base_model.model.';
  /** Whether keys follow the path of the module. */
  readonly isInModule: boolean;
  readonly inactive?: Readonly<Record<string, unknown>>;
  /** Keys of its config that change nothing, whatever their values. */
  readonly ignored?: readonly string[];
  readonly lacks?: readonly string[];
  /** Keys that PEFT does not know, which it passes over; written only where they are not `null`. */
  readonly ownKeys?: readonly string[];
  /** Paths of the modules that a config means. With `strict`, each entry of a list must mean one. */
  targets(
    config: Config,
    json: Readonly<Record<string, unknown>>,
    model: unknown,
    strict?: boolean,
  ): readonly string[];
  /** Keys of the config that the places of the adapter, the first one's `loaded` and the model tell. */
  derived(
    config: Config,
    places: readonly ModulePlace<Config>[],
    model: unknown,
  ): Readonly<Record<string, unknown>>;
  readonly derivedKeys: readonly string[];
  /** Parameters of the form in which a file holds them; their first values tell shapes only. */
  stored(args: ModuleInitArguments<Config>): Parameters;
  /** The tensors of the file by their keys. */
  encode(
    parameters: Parameters,
    config: Config,
    context: Context,
    frozen: Tensors,
  ): Readonly<Record<string, Tensor>>;
  /** Paths within stored parameters, by the same keys. */
  readonly paths: Readonly<Record<string, string>> | ((key: string) => string);
}

/** Facts that shared code and the laws ask for. */
export interface ModuleTraits<Config> {
  /** Whether the adapted module gives at first what the module gives. */
  identityAtInit(config: Config): boolean;
  isStochastic(config: Config): boolean;
  /** Number of trainable elements, in closed form. */
  parameterCount(config: Config, module: object): number;
  /** Number of trainable elements that modules share, all together. */
  sharedParameterCount?(config: Config, places: readonly ModulePlace<Config>[]): number;
  /** Whether the rows of a batch depend on each other. By default they do not. */
  mixesRows?(config: Config): boolean;
  /** Whether it must be told by `applyTasks` which task each row is of. */
  readonly takesTasks?: boolean;
}

/**
 * A method of parameter-efficient fine-tuning that changes what a module is given or gives, and no weight: one object in one
 * file. It cannot be merged.
 */
export interface ModuleVariant<Config = unknown, Parameters = unknown> {
  readonly name: string;
  /** Where the method is described. */
  readonly paper: string;
  /** What kind of module it adapts. */
  readonly site: 'module' | 'attention' | 'input';
  readonly schema: z.ZodObject;
  readonly traits: ModuleTraits<Config>;
  /** Hints for the laws: some config; every field varies. */
  sample(draw: Draw): Partial<Config>;
  readonly peft?: ModulePeftFormat<Config, Parameters>;
  /** Whether it can adapt the module. */
  accepts(module: object): boolean;
  /** Why it cannot with this config; else `undefined`. */
  refusal?(config: Config, module: object): string | undefined;
  /**
   * First values of what modules have in common, for each of the modules of an adapter with one config, in the order of the
   * model. The same tensor for several of them is there once: it counts once and trains as one.
   */
  share?(
    places: readonly ModulePlace<Config>[],
    key: Tensor,
  ): readonly Readonly<Record<string, Tensor>>[];
  init(args: ModuleInitArguments<Config>): Parameters;
  /** What trains and what does not, of all that `init` or a file gives. All of it trains without this. */
  split?(whole: Parameters, config: Config): ModuleState<Parameters>;
  /**
   * What becomes of parameters after each step of an optimiser, for a method that holds them in a set, such as a ball:
   * see `adapterOptimizer`. A tree of the same form.
   */
  constrain?(parameters: Parameters, config: Config): Parameters;
  call(args: ModuleCallArguments<Config, Parameters>): unknown;
}

/** Such a variant with a config, to be put on the modules that a selector finds; `''` is the model itself. */
export interface ModuleMethod<Config = unknown> {
  readonly kind: 'module';
  readonly variant: ModuleVariant<Config>;
  readonly config: Config;
  readonly target: TargetOptions;
  readonly extra: Method['extra'];
}

/** A checked method from a variant and options. Throws `invalid-config`, naming each fault. */
export function moduleMethod<Config>(
  variant: ModuleVariant<Config>,
  options: Partial<Config>,
): ModuleMethod<Config> {
  const config = parseConfig<Config>(variant, options);
  return { kind: 'module', variant, config, target: {}, extra: {} };
}
