import type { Backend, Buffer } from './backend.ts';
import type { TypedArray } from './dtype.ts';
import { LorikeetError } from './errors.ts';
import { currentScope } from './openScope.ts';
import { formatType, type TensorType } from './type.ts';

const abandoned = new FinalizationRegistry<{ backend: Backend; buffer: Buffer }>(
  ({ backend, buffer }) => {
    backend.free(buffer);
  },
);

/**
 * Where the elements of a concrete tensor are: on the host, on one backend, or on both.
 *
 * Data from the host goes to a backend when it is first needed there, and stays for later calls.
 */
export class Storage {
  readonly type: TensorType;
  #host: TypedArray | undefined;
  #backend: Backend | undefined;
  #buffer: Buffer | undefined;
  #freed = false;

  private constructor(type: TensorType) {
    this.type = type;
    currentScope()?.track(this);
  }

  static ofHost(type: TensorType, data: TypedArray): Storage {
    const storage = new Storage(type);
    storage.#host = data;
    return storage;
  }

  static ofBuffer(type: TensorType, backend: Backend, buffer: Buffer): Storage {
    const storage = new Storage(type);
    storage.#adopt(backend, buffer);
    return storage;
  }

  /** The buffer that holds the elements on `backend`. */
  on(backend: Backend): Buffer {
    this.#requireLive();
    if (this.#backend === backend && this.#buffer !== undefined) return this.#buffer;
    if (this.#host === undefined) {
      throw new LorikeetError(
        'tensor-not-concrete',
        `a tensor of ${this.#backend?.name ?? 'no backend'} is used on ${backend.name}`,
        {
          hint: 'read it with `await t.data()` and make a new tensor, or keep to one backend',
        },
      );
    }
    if (this.#buffer !== undefined) this.#release();
    const buffer = backend.write(this.type, this.#host);
    this.#adopt(backend, buffer);
    return buffer;
  }

  /** The elements in the storage of the tensor's dtype. Not a copy: do not write to it. */
  async read(): Promise<TypedArray> {
    this.#requireLive();
    if (this.#host !== undefined) return this.#host;
    if (this.#backend === undefined || this.#buffer === undefined) {
      throw new LorikeetError('internal', 'a storage without data');
    }
    return await this.#backend.read(this.type, this.#buffer);
  }

  get isFreed(): boolean {
    return this.#freed;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#host = undefined;
    if (this.#buffer !== undefined) this.#release();
  }

  #adopt(backend: Backend, buffer: Buffer): void {
    this.#backend = backend;
    this.#buffer = buffer;
    abandoned.register(this, { backend, buffer }, this);
  }

  #release(): void {
    if (this.#backend === undefined || this.#buffer === undefined) return;
    abandoned.unregister(this);
    this.#backend.free(this.#buffer);
    this.#backend = undefined;
    this.#buffer = undefined;
  }

  #requireLive(): void {
    if (!this.#freed) return;
    throw new LorikeetError(
      'tensor-freed',
      `a tensor ${formatType(this.type)} is used after it was freed`,
      {
        hint: 'it was donated to a compiled function or left its memoryScope; return it from the scope, or do not donate it',
      },
    );
  }
}
