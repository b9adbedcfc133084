import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-common';

/** What is used of a session. It writes its results into the tensors that it is given for them. */
export interface Session {
  run(feeds: Tensors, fetches: Tensors): Promise<unknown>;
  endProfiling(): void;
}

type Tensors = Readonly<Record<string, Tensor>>;

/** What `onnxruntime-node` and `onnxruntime-web` both are. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<Session>;
  };
  readonly Tensor: new (
    type: Tensor.Type,
    data: Tensor.DataType,
    dims: readonly number[],
  ) => TypedTensor<Tensor.Type>;
}
