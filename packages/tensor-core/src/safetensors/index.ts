/** Checkpoints in the safetensors format, without any API of Node: on bytes, blobs and sources. */
export type { SafetensorsEntry } from './header.ts';
export { readSafetensors } from './read.ts';
export type { SafetensorsFile } from './safetensorsFile.ts';
export { readSharded } from './sharded.ts';
export { type ByteSource, blobSource, bytesSource } from './source.ts';
export type { StoredArray, StoredDType } from './storedDType.ts';
export {
  type ByteSink,
  encodeSafetensors,
  type TensorInMemory,
  type TensorToWrite,
  writeSafetensors,
} from './write.ts';
export {
  type Named,
  type SafetensorsLayout,
  safetensorsHeader,
  type TensorSpec,
} from './writeLayout.ts';
