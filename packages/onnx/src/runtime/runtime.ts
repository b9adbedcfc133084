import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-common';

/** What is used of a session. It writes its results into the tensors that it is given for them, and makes one for null. */
export interface Session {
  run(feeds: Tensors, fetches: Readonly<Record<string, Tensor | null>>): Promise<unknown>;
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
  /** Whether graphs are to have the mark of `endMark.ts` before their results. */
  readonly stopsAtMark?: () => Promise<boolean>;
}
