import { Context } from '@lorikeet/nn';
import { childrenOf, isTreeNode, LorikeetError, rebuild, type Tensor } from '@lorikeet/tensor-core';
import type { Tensors } from '../variant.ts';
import type { ModuleMethod, ModuleState, ModuleVariant } from './moduleVariant.ts';

/** What a module adapter is besides its parameters. A class, so that tree walks leave it alone. */
export class ModuleSettings {
  readonly method: ModuleMethod;
  /** Path of the module. */
  readonly path: string;

  constructor(method: ModuleMethod, path: string) {
    this.method = method;
    this.path = path;
  }

  get variant(): ModuleVariant {
    return this.method.variant;
  }

  get config(): unknown {
    return this.method.config;
  }
}

/** An adapter around the call of a module. The module holds it beside its own parts. */
export class ModuleAdapter {
  /** What trains: a tree. */
  readonly parameters: unknown;
  /** What does not. */
  readonly frozen: Tensors;
  readonly name: string;
  readonly settings: ModuleSettings;
  /** [B]: which task each row is of, for one batch; `null` where it was not told. */
  readonly tasks: Tensor | null;

  constructor(
    { parameters, frozen }: ModuleState<unknown>,
    name: string,
    settings: ModuleSettings,
    tasks: Tensor | null = null,
  ) {
    this.parameters = parameters;
    this.frozen = frozen;
    this.name = name;
    this.settings = settings;
    this.tasks = tasks;
  }

  /** @param baseOf calls a module without this adapter. @param inputs of the module. */
  call(module: object, baseOf: CallOf, inputs: readonly unknown[]): unknown {
    const { variant, config } = this.settings;
    const given = inputs.at(-1);
    const context = given instanceof Context ? given.child(this.name) : Context.evaluation;
    const { parameters, frozen, tasks } = this;
    const base = (...given: readonly unknown[]): unknown => baseOf(module, ...given);
    const state = { parameters, frozen };
    return variant.call({ ...state, module, config, context, inputs, tasks, base, baseOf });
  }
}

type CallOf = (module: object, ...inputs: readonly unknown[]) => unknown;

/** The field of an adapted module that holds its adapters, the innermost first. */
const adaptersField = 'adapters';

/** The adapters of a module itself. */
export function ownAdapters(module: object): readonly ModuleAdapter[] {
  const held: unknown = Reflect.get(module, adaptersField);
  return Array.isArray(held) ? held.filter((item) => item instanceof ModuleAdapter) : [];
}

/**
 * The module with these adapters in place of those that it has: of the same class but for `call`, with the same parts under
 * the same names, and the adapters beside them.
 */
export function withAdapters(module: object, adapters: readonly ModuleAdapter[]): unknown {
  if (!isTreeNode(module) || Array.isArray(module))
    throw new LorikeetError('internal', 'only a module can hold adapters');
  const parts = childrenOf(module).filter(([field]) => field !== adaptersField);
  const plain: object = plainPrototypeOf(module);
  if (adapters.length === 0) return rebuild(Object.create(plain), parts);
  return rebuild(Object.create(adaptedPrototypeOf(plain)), [...parts, [adaptersField, adapters]]);
}

/** Of adapted classes, by the prototypes of the classes: one each, since a compiled program knows a class by it. */
const adaptedPrototypes = new WeakMap<object, object>();
const plainPrototypes = new WeakMap<object, object>();

function adaptedPrototypeOf(plain: object): object {
  const known = adaptedPrototypes.get(plain);
  if (known !== undefined) return known;
  const adapted: object = Object.create(plain, {
    call: {
      value(this: object, ...inputs: readonly unknown[]): unknown {
        const own: unknown = Reflect.get(plain, 'call');
        if (typeof own !== 'function') throw new LorikeetError('internal', 'no module to call');
        const call = ownAdapters(this).reduce<CallOf>(
          (base, adapter) =>
            (module, ...given) =>
              adapter.call(module, base, given),
          (module, ...given) => Reflect.apply(own, module, given),
        );
        return call(this, ...inputs);
      },
    },
  });
  adaptedPrototypes.set(plain, adapted);
  plainPrototypes.set(adapted, plain);
  return adapted;
}

function plainPrototypeOf(module: object): object {
  const prototype: object = Object.getPrototypeOf(module);
  return plainPrototypes.get(prototype) ?? prototype;
}

/** An adapter around a module of a tree. */
export interface PlacedAdapter {
  /** Path of the module. */
  readonly path: string;
  readonly module: object;
  readonly adapter: ModuleAdapter;
  /** Path of the adapter itself. */
  readonly own: string;
}

/** All module adapters of a tree. */
export function moduleAdapters(tree: unknown): PlacedAdapter[] {
  const found: PlacedAdapter[] = [];
  const walk = (node: unknown, path: readonly string[]): void => {
    if (!isTreeNode(node) || node instanceof ModuleAdapter) return;
    for (const [index, adapter] of ownAdapters(node).entries()) {
      const own = [...path, adaptersField, index].join('.');
      found.push({ path: path.join('.'), module: node, adapter, own });
    }
    for (const [name, child] of childrenOf(node)) walk(child, [...path, name]);
  };
  walk(tree, []);
  return found;
}

/** The tree with those module adapters only for which `isKept` holds. */
export function keepModuleAdapters<T>(tree: T, isKept: (adapter: ModuleAdapter) => boolean): T {
  return mapModuleAdapters(tree, (own) => own.filter(isKept));
}

/** The tree with what `change` gives in place of the module adapters of each module that has some. */
export function mapModuleAdapters<T>(tree: T, change: Change): T;
export function mapModuleAdapters(tree: unknown, change: Change): unknown {
  if (!isTreeNode(tree) || tree instanceof ModuleAdapter) return tree;
  const own = ownAdapters(tree);
  const changed = change(own);
  const isSame = changed.length === own.length && changed.every((item, i) => item === own[i]);
  const node = isSame ? tree : withAdapters(tree, changed);
  if (!isTreeNode(node)) return node;
  const children = childrenOf(node);
  const mapped = children.map(
    ([name, child]) =>
      [name, name === adaptersField ? child : mapModuleAdapters(child, change)] as const,
  );
  return mapped.every(([, child], i) => child === children[i]?.[1]) ? node : rebuild(node, mapped);
}

type Change = (own: readonly ModuleAdapter[]) => readonly ModuleAdapter[];
