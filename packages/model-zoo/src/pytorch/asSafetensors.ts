import {
  type ByteSource,
  type Named,
  readSafetensors,
  type SafetensorsFile,
  safetensorsHeader,
  type TensorSpec,
} from '@lorikeet/tensor-core/safetensors';

/** A tensor that is somewhere in other bytes. */
export interface FoundTensor extends TensorSpec {
  /** Bytes of it, `length` from `offset`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  readonly byteLength: number;
}

/**
 * Tensors of another kind of file as a safetensors file: all that reads one reads them, and none is read before it is asked
 * for.
 *
 * @param name what errors call the file.
 * @param close what becomes of the bytes in the end.
 */
export function asSafetensors(
  found: Named<FoundTensor>,
  { name, close }: { readonly name: string; readonly close: () => Promise<void> },
): Promise<SafetensorsFile> {
  const { header, tensors, byteLength } = safetensorsHeader(found);
  let end = header.length;
  const parts = tensors.map(([, tensor]) => {
    const begin = end;
    end += tensor.byteLength;
    return { begin, end, tensor };
  });
  const source: ByteSource = {
    size: byteLength,
    async read(offset, length) {
      if (offset + length <= header.length) return header.subarray(offset, offset + length);
      // A tensor is read at a time: no read goes beyond one.
      const part = parts.find((one) => offset >= one.begin && offset + length <= one.end);
      return part === undefined
        ? new Uint8Array()
        : await part.tensor.read(offset - part.begin, length);
    },
    close,
  };
  return readSafetensors(source, { name });
}
