import {
  biasOf,
  type Context,
  contract,
  contractExperts,
  convolve,
  gather,
  isReparam,
  materialize,
  type Reparam,
  type Shared,
  type Site,
  tiedPart,
  type Weight,
  type WeightUse,
} from '@lorikeet/nn';
import { add, type ConvOptions, conv, mul, sub, type Tensor } from '@lorikeet/tensor-core';
import { invocationError } from './routing/invocationError.ts';
import { exchangeOrder, type SiteShape } from './siteShape.ts';
import type { AdapterArguments, Method, SharedTensors, Tensors, Variant } from './variant.ts';

/** A weight with one adapter on it. Several on one weight are several of these, one around the other. */
export class AdaptedWeight implements Reparam {
  readonly base: Weight;
  /** What trains. */
  readonly parameters: Tensors;
  /** The adapter's name. */
  readonly name: string;
  /** Static: functions and settings, no part of the tree. */
  readonly settings: AdapterSettings;
  /** Share of the adapter: 0 is the base, 1 the adapter as trained. */
  readonly mix: number;
  /** What does not train. */
  readonly frozen: Tensors;
  /** What other places of the adapter have, too. */
  readonly shared: Shared<SharedTensors> | null;

  constructor(
    base: Weight,
    parameters: Tensors,
    name: string,
    settings: AdapterSettings,
    mix: number = 1,
    frozen: Tensors = {},
    shared: Shared<SharedTensors> | null = null,
  ) {
    this.base = base;
    this.parameters = parameters;
    this.name = name;
    this.settings = settings;
    this.mix = mix;
    this.frozen = frozen;
    this.shared = shared;
  }

  materialize(): Tensor {
    const { site, variant } = this.settings;
    return blend(this.mix, exchangeOrder(site, variant.materialize(argumentsOf(this))), () =>
      materialize(this.base),
    );
  }

  contract(x: Tensor, use: WeightUse, context: Context): Tensor {
    const { variant, method, path } = this.settings;
    if (method.target.invocationTokens !== undefined)
      throw invocationError(this.name, path, 'a plain call');
    const product = (input: Tensor): Tensor =>
      contract(input, this.base, use, context.child('base'));
    if (variant.contract === undefined || isWholeSooner(this, x))
      return contract(x, this.materialize(), use, context);
    const own = context.child(this.name);
    return blend(
      this.mix,
      variant.contract(x, { ...argumentsOf(this), product, context: own }),
      () => product(x),
    );
  }

  gather(ids: Tensor, context: Context): Tensor {
    const { variant } = this.settings;
    const product = (input: Tensor): Tensor => gather(input, this.base, context.child('base'));
    if (variant.gather === undefined) return gather(ids, this.materialize(), context);
    const own = context.child(this.name);
    return blend(
      this.mix,
      variant.gather(ids, { ...argumentsOf(this), product, context: own }),
      () => product(ids),
    );
  }

  convolve(x: Tensor, options: ConvOptions, context: Context): Tensor {
    const { variant } = this.settings;
    const product = (input: Tensor): Tensor =>
      convolve(input, this.base, options, context.child('base'));
    if (variant.convolve === undefined) return convolve(x, this.materialize(), options, context);
    const convolveWith = (input: Tensor, kernel: Tensor, groups = options.groups ?? 1): Tensor =>
      conv(input, kernel, { ...options, groups });
    const own = context.child(this.name);
    return blend(
      this.mix,
      variant.convolve(x, { ...argumentsOf(this), product, convolveWith, context: own }),
      () => product(x),
    );
  }

  contractExperts(x: Tensor, use: WeightUse, context: Context): Tensor {
    const { variant } = this.settings;
    const product = (input: Tensor): Tensor =>
      contractExperts(input, this.base, use, context.child('base'));
    if (variant.contractExperts === undefined)
      return contractExperts(x, this.materialize(), use, context);
    const own = context.child(this.name);
    return blend(
      this.mix,
      variant.contractExperts(x, { ...argumentsOf(this), product, context: own }),
      () => product(x),
    );
  }

  adaptBias(bias: Tensor | null): Tensor | null {
    const below = biasOf(this.base, bias);
    const adapted = this.settings.variant.adaptBias?.(below, argumentsOf(this));
    if (adapted === undefined) return below;
    if (adapted === null || this.mix === 1) return adapted;
    return below === null ? mul(adapted, this.mix) : add(below, mul(sub(adapted, below), this.mix));
  }

  tiedPart(): Weight {
    const { variant, config } = this.settings;
    const base = tiedPart(this.base);
    return variant.traits.isTied?.(config) === true ? this.with({ base }) : base;
  }

  /** A copy with other fields. */
  with(changes: {
    readonly base?: Weight;
    readonly mix?: number;
    readonly settings?: AdapterSettings;
    readonly frozen?: Tensors;
  }): AdaptedWeight {
    return new AdaptedWeight(
      changes.base ?? this.base,
      this.parameters,
      this.name,
      changes.settings ?? this.settings,
      changes.mix ?? this.mix,
      changes.frozen ?? this.frozen,
      this.shared,
    );
  }
}

/** What the layer's variant is given to compute with it. */
export function argumentsOf(layer: AdaptedWeight): AdapterArguments<unknown> {
  const { config, site, shape } = layer.settings;
  return {
    parameters: { ...layer.shared?.value.parameters, ...layer.parameters },
    frozen: { ...layer.shared?.value.frozen, ...layer.frozen },
    compat: layer.settings.method.target.compat,
    config,
    shape,
    base: () => exchangeOrder(site, materialize(layer.base)),
    root: () => exchangeOrder(site, materialize(underAdapters(layer))),
  };
}

/** The layer with what its variant makes of its other tensors. */
export function withDerived(layer: AdaptedWeight): AdaptedWeight {
  const derived = layer.settings.variant.derived?.(argumentsOf(layer));
  return derived === undefined ? layer : layer.with({ frozen: { ...layer.frozen, ...derived } });
}

function isWholeSooner({ base, settings }: AdaptedWeight, x: Tensor): boolean {
  const { variant, config, shape, method } = settings;
  const { compat } = method.target;
  // Half floats would round the sum; what is packed or adapted has products of its own.
  if (isReparam(base) || (base.dtype !== 'f32' && base.dtype !== 'f64')) return false;
  return variant.isWholeSooner?.({ config, shape, compat, rows: x.size / shape.in }) ?? false;
}

/** The weight under all adapters. */
export function underAdapters(weight: Weight): Weight {
  return weight instanceof AdaptedWeight ? underAdapters(weight.base) : weight;
}

/** `mix` of the way from the base to what is adapted. */
function blend(mix: number, adapted: Tensor, base: () => Tensor): Tensor {
  if (mix === 1) return adapted;
  const unchanged = base();
  return add(unchanged, mul(sub(adapted, unchanged), mix));
}

/** What an adapter is besides its tensors. A class, so that tree walks leave it alone. */
export class AdapterSettings {
  readonly method: Method;
  /** The config at this place. */
  readonly config: unknown;
  readonly site: Site;
  readonly shape: SiteShape;
  /** Path of the module. */
  readonly path: string;

  constructor(
    method: Method,
    path: string,
    site: Site,
    shape: SiteShape,
    config: unknown = method.variant.configAt?.(method.config, path) ?? method.config,
  ) {
    this.method = method;
    this.config = config;
    this.site = site;
    this.shape = shape;
    this.path = path;
  }

  /** A copy with another config of the place. */
  with(config: unknown): AdapterSettings {
    return new AdapterSettings(this.method, this.path, this.site, this.shape, config);
  }

  get variant(): Variant {
    return this.method.variant;
  }

  /** The same place with another method. */
  withMethod(method: Method): AdapterSettings {
    return new AdapterSettings(method, this.path, this.site, this.shape);
  }
}
