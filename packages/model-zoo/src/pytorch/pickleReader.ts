import { LorikeetError } from '@lorikeet/tensor-core';

/** A longer integer is no size of anything. */
const maxIntegerBytes = 64;

/** Reads the operands of a pickle's instructions, all little-endian but floats. Throws `invalid-file` past the end. */
export class PickleReader {
  readonly source: Uint8Array;
  readonly view: DataView;
  readonly file: string;
  position: number;

  constructor(source: Uint8Array, file: string, position: number) {
    this.source = source;
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.file = file;
    this.position = position;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  u64(): number {
    const at = this.take(8);
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  f64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** A signed integer of so many bytes; a bigint if a double does not hold it. */
  integer(length: number): number | bigint {
    if (length > maxIntegerBytes) throw this.fault(`it has an integer of ${length} bytes`);
    const bytes = this.bytes(length);
    const unsigned = bytes.reduceRight((high, byte) => (high << 8n) | BigInt(byte), 0n);
    const value = BigInt.asIntN(8 * length, unsigned);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  bytes(length: number): Uint8Array {
    const at = this.take(length);
    return this.source.subarray(at, at + length);
  }

  text(length: number): string {
    return this.decode(this.bytes(length));
  }

  /** What is left of a line. */
  line(): string {
    const end = this.source.indexOf(10, this.position);
    if (end < 0) throw this.fault('it is cut short');
    const text = this.decode(this.bytes(end - this.position));
    this.position++;
    return text;
  }

  fault(received: string): LorikeetError {
    return new LorikeetError('invalid-file', 'the file holds no pickle that can be read', {
      path: `${this.file}, byte ${this.position}`,
      expected: 'a pickle of protocol 2 to 5, as torch.save writes it',
      received,
      hint: 'the file is damaged, or is of another kind: fetch it again',
    });
  }

  private decode(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.fault('it has a text that is not UTF-8');
    }
  }

  /** Where the next `length` bytes begin. */
  private take(length: number): number {
    const at = this.position;
    if (length > this.source.length - at) throw this.fault('it is cut short');
    this.position += length;
    return at;
  }
}
