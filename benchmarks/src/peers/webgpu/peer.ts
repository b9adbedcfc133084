/** A tensor on its way to another process. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Integers on their way to another process. */
export interface HostIds {
  readonly shape: readonly number[];
  readonly values: Int32Array;
}

/** What a rival is asked to do again and again. */
export type PeerTask =
  | { readonly kind: 'gemm'; readonly a: HostTensor; readonly b: HostTensor }
  | MlpTask
  | GptTask;

/** Linear, ReLU, linear; the mean cross-entropy; SGD. */
export interface MlpTask {
  readonly kind: 'mlp';
  /** `up.weight` [F, D], `up.bias` [F], `down.weight` [V, F], `down.bias` [V] */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** [B, D] */
  readonly x: HostTensor;
  /** [B] */
  readonly labels: HostIds;
  readonly learningRate: number;
}

/** GPT-2 with a tied head, no dropout; the mean cross-entropy of the next token; Adam over all weights. */
export interface GptTask {
  readonly kind: 'gpt';
  /** Under Hugging Face's names of `GPT2LMHeadModel`. */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** [B, T] */
  readonly ids: HostIds;
  readonly layers: number;
  readonly heads: number;
  readonly epsilon: number;
  readonly learningRate: number;
}

/** A task of a rival, made ready. */
export interface PeerWork {
  /** Does it anew and waits until all is done: the product, or the loss of a step. */
  run(): Promise<ArrayLike<number>>;
  dispose(): void | Promise<void>;
}

export interface WebgpuPeer {
  readonly name: string;
  readonly version: string;
  /** On which the rival computes. */
  readonly adapter: string;
  prepare(task: PeerTask): Promise<PeerWork>;
}

/** The rivals on WebGPU; each is a file of this folder that runs in a process of its own. */
export const webgpuPeerNames = ['jax-js', 'tfjs', 'onnxruntime'] as const;

export type WebgpuPeerName = (typeof webgpuPeerNames)[number];
