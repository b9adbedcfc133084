import { invalidFile } from './fault.ts';

/** Where the bytes of a tensor are, counted from the first byte of data. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

interface Laid extends ByteRange {
  /** What the dtype and the shape ask for. */
  readonly byteLength: number;
}

/**
 * Refuses tensors that do not fill the `dataBytes` of a file exactly: each as long as its shape says,
 * one after the other, in any order, without overlap and without a hole, as the format demands.
 */
export function checkLayout(
  entries: ReadonlyMap<string, Laid>,
  dataBytes: number,
  file: string,
): void {
  for (const [tensor, { begin, end, byteLength }] of entries) {
    if (begin > end || end > dataBytes) {
      throw invalidFile({ file, tensor }, 'the data of a tensor is outside the file', {
        expected: `data_offsets that ascend and lie within ${dataBytes} bytes of data`,
        received: `[${begin},${end}]`,
        hint: 'the file is damaged or cut short: fetch it again',
      });
    }
    if (end - begin !== byteLength) {
      throw invalidFile({ file, tensor }, 'the data of a tensor does not fit its shape', {
        expected: `${byteLength} bytes, by dtype and shape`,
        received: `${end - begin} bytes, by data_offsets`,
        hint: 'the file was not written by a safetensors library: fetch it again',
      });
    }
  }
  const ranges = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const [tensor, { begin, end }] of ranges) {
    if (begin !== filled) {
      const overlaps = begin < filled;
      const summary = overlaps ? 'two tensors share bytes' : 'there is a hole before a tensor';
      throw invalidFile({ file, tensor }, summary, {
        expected: `data from ${filled}, where the tensor before it ends`,
        received: `data from ${begin}`,
        hint: 'the file was not written by a safetensors library: fetch it again',
      });
    }
    filled = end;
  }
  if (filled === dataBytes) return;
  throw invalidFile({ file }, 'the file holds bytes that belong to no tensor', {
    expected: `${filled} bytes of data`,
    received: `${dataBytes} bytes of data`,
    hint: 'something was added to the file: fetch it again',
  });
}
