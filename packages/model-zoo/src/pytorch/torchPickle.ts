import { LorikeetError } from '@lorikeet/tensor-core';
import type { StoredDType } from '@lorikeet/tensor-core/safetensors';
import { PickledGlobal, type PickleHooks } from './pickle.ts';

/** A tensor in a checkpoint of PyTorch: a view of a storage. */
export interface TorchTensor {
  readonly storage: TorchStorage;
  /** Elements from the start of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one to the next along each axis. */
  readonly strides: readonly number[];
}

/** Numbers that are stored beside the pickle. */
export class TorchStorage {
  readonly key: string;
  readonly dtype: StoredDType;
  /** Number of elements. */
  readonly length: number;

  constructor(key: string, dtype: StoredDType, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** The attributes of `argparse.Namespace`, as fairseq keeps its options. */
export class Namespace {
  readonly fields: Map<string, unknown> = new Map();
}

const storages: Readonly<Record<string, StoredDType>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** What PyTorch's pickles of tensors call; everything else is refused. */
const known: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  'collections.OrderedDict': ([entries]) => new Map(pairsOf(entries)),
  'torch._utils._rebuild_tensor': tensorOf,
  'torch._utils._rebuild_tensor_v2': tensorOf,
  'torch._utils._rebuild_parameter': ([tensor]) => tensor,
  'torch.Size': ([sizes]) => sizes,
  'argparse.Namespace': () => new Namespace(),
};

/**
 * What a pickle of PyTorch stands for. A class or function that no tensor needs is refused: to load it in Python could run
 * anything.
 */
export function torchHooks(file: string): PickleHooks {
  const refuse = (received: string): LorikeetError =>
    new LorikeetError('invalid-file', 'the checkpoint holds more than tensors', {
      path: file,
      expected: 'tensors, numbers and text in dictionaries and lists',
      received,
      hint: 'do not load it in Python either unless you trust who made it: such a file can run any code',
    });
  return {
    call({ name }, args) {
      const make = Object.hasOwn(known, name) ? known[name] : undefined;
      if (make === undefined) throw refuse(`a call of ${name.slice(0, 100)}`);
      const made = make(args);
      if (made === undefined) throw refuse(`a call of ${name} with other arguments than PyTorch's`);
      return made;
    },
    setState(target, state) {
      // Those of a state dict are versions of its modules.
      if (!(target instanceof Namespace)) return;
      if (!(state instanceof Map)) throw refuse('options that are no dictionary');
      for (const [name, value] of state)
        if (typeof name === 'string') target.fields.set(name, value);
    },
    persistent(id) {
      const storage = storageOf(id);
      if (storage === undefined) throw refuse('a reference to what is no storage');
      return storage;
    },
  };
}

export function isTorchTensor(value: unknown): value is TorchTensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'storage' in value &&
    value.storage instanceof TorchStorage
  );
}

/** `('storage', torch.FloatStorage, key, location, length)`; old files add a view, which none of theirs has. */
function storageOf(id: unknown): TorchStorage | undefined {
  if (!Array.isArray(id)) return undefined;
  const [kind, type, key, , length, view = null]: readonly unknown[] = id;
  if (kind !== 'storage' || !(type instanceof PickledGlobal) || typeof key !== 'string')
    return undefined;
  if (!isCount(length) || view !== null || !type.name.startsWith('torch.')) return undefined;
  const name = type.name.slice('torch.'.length);
  const dtype = Object.hasOwn(storages, name) ? storages[name] : undefined;
  return dtype && new TorchStorage(key, dtype, length);
}

function tensorOf([storage, offset, shape, strides]: readonly unknown[]): TorchTensor | undefined {
  if (!(storage instanceof TorchStorage) || !isCount(offset)) return undefined;
  if (!isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) return undefined;
  return { storage, offset, shape, strides };
}

function pairsOf(entries: unknown): (readonly [unknown, unknown])[] {
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry) =>
    Array.isArray(entry) && entry.length === 2 ? [[entry[0], entry[1]] as const] : [],
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
