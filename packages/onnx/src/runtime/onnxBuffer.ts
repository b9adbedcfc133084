import {
  type Buffer,
  byteLengthOf,
  LorikeetError,
  sizeOf,
  type TensorType,
  type TypedArray,
} from '@lorikeet/tensor-core';

/** Memory of a tensor: an array of the host, which ONNX Runtime reads and writes in place. */
export class OnnxBuffer implements Buffer {
  readonly type: TensorType;
  readonly byteLength: number;
  #isOwn: boolean;
  #data: TypedArray | undefined;
  #failure: LorikeetError | undefined;

  constructor(type: TensorType, data?: TypedArray) {
    this.type = type;
    this.byteLength = byteLengthOf(type.dtype, sizeOf(type.shape));
    this.#isOwn = data === undefined;
    this.#data = data;
  }

  /** The elements; throws what went wrong if they could not be computed. */
  get data(): TypedArray {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#data === undefined)
      throw new LorikeetError('internal', 'onnx: a buffer is read before it is computed');
    return this.#data;
  }

  /** Whether nobody else has the array, so that it may serve another tensor when this one is freed. */
  get isOwn(): boolean {
    return this.#isOwn;
  }

  /** The elements, for somebody who may keep them. */
  share(): TypedArray {
    const { data } = this;
    this.#isOwn = false;
    return data;
  }

  settle(data: TypedArray): void {
    this.#data = data;
  }

  fail(failure: LorikeetError): void {
    this.#failure = failure;
  }

  /** Gives the array away. */
  take(): TypedArray | undefined {
    const data = this.#data;
    this.#data = undefined;
    return data;
  }
}
