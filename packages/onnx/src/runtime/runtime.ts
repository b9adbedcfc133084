import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-common';

/** What `onnxruntime-node` and `onnxruntime-web` both are. */
export interface OnnxRuntime {
  /** Name and version, as `onnxruntime-node 1.30.0`. */
  readonly name: string;
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (
    type: Tensor.Type,
    data: Tensor.DataType,
    dims: readonly number[],
  ) => TypedTensor<Tensor.Type>;
}
