import type { Tensor } from '@lorikeet/tensor-core';

export interface EncodeOptions {
  /** Which adapter. Defaults to `default`. */
  readonly name?: string;
  /** PEFT's `task_type`, such as `SEQ_CLS` or `CAUSAL_LM`. */
  readonly taskType?: string;
  /** PEFT's `base_model_name_or_path`. */
  readonly baseModel?: string;
}

export interface EncodedAdapter {
  /** The content of `adapter_config.json`, its keys sorted. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors of `adapter_model.safetensors`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}
