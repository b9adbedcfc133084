import { LorikeetError } from '@lorikeet/tensor-core';
import type { ByteSource } from '@lorikeet/tensor-core/safetensors';
import type { FoundTensor } from '../pytorch/asSafetensors.ts';
import { elementBytes, foundTensors, type StoragePlace } from '../pytorch/foundTensors.ts';
import { type Unpickled, unpickle } from '../pytorch/pickle.ts';
import { TorchStorage, torchHooks } from '../pytorch/torchPickle.ts';
import { zipPlaces } from './zipStorages.ts';

/** A checkpoint of PyTorch. */
export interface PytorchCheckpoint {
  readonly tensors: ReadonlyMap<string, FoundTensor>;
  /** All that was saved, tensors as their places: what training programs keep beside the weights. */
  readonly content: unknown;
}

/** The pickle of the largest model takes less. */
const maxPickleBytes = 1 << 26;
/** What old files begin with, as a number. */
const magic = 0x1950a86a20f9469cfc6cn;

/**
 * Opens what `torch.save` has written, in its format since PyTorch 1.6 or in that before, without running anything that the
 * file asks for. Tensors are read on demand, from the source, which stays the caller's.
 *
 * @param file what errors call it.
 * @throws LorikeetError `invalid-file` for a damaged file and for one that holds more than tensors, numbers and text;
 *   `unsupported` for files of PyTorch before 0.4.
 */
export async function readPytorch(source: ByteSource, file: string): Promise<PytorchCheckpoint> {
  const { content, placeOf } = await openFormat(source, file);
  return { content, tensors: foundTensors(content, source, placeOf, file) };
}

interface Opened {
  readonly content: unknown;
  placeOf(storage: TorchStorage): StoragePlace | undefined;
}

async function openFormat(source: ByteSource, file: string): Promise<Opened> {
  const start = await source.read(0, Math.min(source.size, 512));
  if (start[0] === 0x50 && start[1] === 0x4b) return await openArchive(source, file);
  if (start[0] === 0x80) return await openStream(source, file);
  const isTar = new TextDecoder('latin1').decode(start.subarray(257, 262)) === 'ustar';
  if (isTar)
    throw new LorikeetError('unsupported', 'a checkpoint of PyTorch before 0.4', {
      path: file,
      hint: 'save it again with a newer PyTorch',
    });
  throw new LorikeetError('invalid-file', 'the file is no checkpoint of PyTorch', {
    path: file,
    expected: 'an archive or a pickle',
    received: `${source.size} bytes of another kind`,
  });
}

/** An archive with `data.pkl`, and each storage as a file of its own. */
async function openArchive(source: ByteSource, file: string): Promise<Opened> {
  const places = await zipPlaces(source, file);
  const pickle = places.get('data.pkl');
  if (pickle === undefined || pickle.byteLength > maxPickleBytes) {
    throw new LorikeetError('invalid-file', 'the archive is not as torch.save writes it', {
      path: file,
      expected: `data.pkl of at most ${maxPickleBytes} bytes`,
      received: pickle === undefined ? 'no data.pkl' : `${pickle.byteLength} bytes`,
    });
  }
  const order = places.get('byteorder');
  const isLittle =
    order === undefined ||
    (order.byteLength === 6 &&
      new TextDecoder('latin1').decode(await source.read(order.position, 6)) === 'little');
  if (!isLittle)
    throw new LorikeetError('unsupported', 'a checkpoint of a big-endian machine', { path: file });
  const bytes = await source.read(pickle.position, pickle.byteLength);
  const { value } = unpickle(bytes, torchHooks(file), `${file}: data.pkl`);
  return { content: value, placeOf: ({ key }) => places.get(`data/${key}`) };
}

/** Five pickles, and then each storage after its number of elements. */
async function openStream(source: ByteSource, file: string): Promise<Opened> {
  const bytes = await source.read(0, Math.min(source.size, maxPickleBytes));
  const storages = new Map<string, TorchStorage>();
  const hooks = torchHooks(file);
  const seen = {
    ...hooks,
    persistent(id: unknown) {
      const storage = hooks.persistent(id);
      if (storage instanceof TorchStorage) storages.set(storage.key, storage);
      return storage;
    },
  };
  const next = (before: Pick<Unpickled, 'end'>): Unpickled =>
    unpickle(bytes, seen, file, before.end);
  const first = next({ end: 0 });
  const content = next(next(next(first)));
  const keys = next(content);
  if (first.value !== magic || !Array.isArray(keys.value))
    throw damaged(file, 'a pickle that torch.save has not written');
  const places = new Map<string, StoragePlace>();
  let position = keys.end;
  for (const key of keys.value) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key) || position + 8 > source.size)
      throw damaged(file, 'storages that no tensor has, or that are cut short');
    const count = await source.read(position, 8);
    const length = Number(new DataView(count.buffer, count.byteOffset, 8).getBigUint64(0, true));
    const byteLength = storage.length * elementBytes(storage);
    if (length !== storage.length || position + 8 + byteLength > source.size)
      throw damaged(file, 'a storage of another length than its tensors say');
    places.set(storage.key, { position: position + 8, byteLength });
    position += 8 + byteLength;
  }
  return { content: content.value, placeOf: ({ key }) => places.get(key) };
}

function damaged(file: string, received: string): LorikeetError {
  return new LorikeetError('invalid-file', 'the checkpoint is not as torch.save writes it', {
    path: file,
    received,
    hint: 'the file is damaged, or is of another kind: fetch it again',
  });
}
