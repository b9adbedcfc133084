import { z } from 'zod';
import { type LlamaLikeConfig, llamaLikeFields } from '../llama/config.ts';

type LayerType = 'full_attention' | 'sliding_attention';

/** The fields of a `config.json` that Qwen2 and Qwen3 add to those of Llama. */
export type QwenConfig = LlamaLikeConfig & {
  readonly use_sliding_window: boolean;
  readonly sliding_window: number | null;
  /** The first layers, which see everything even where a window is used. */
  readonly max_window_layers: number;
  /** Which layers have the window, if not those after `max_window_layers`. */
  readonly layer_types?: readonly LayerType[] | null | undefined;
};

const count = z.int().positive();

export const qwenFields: typeof llamaLikeFields & {
  readonly [Field in
    | 'use_sliding_window'
    | 'sliding_window'
    | 'max_window_layers'
    | 'layer_types']-?: z.ZodType<QwenConfig[Field]>;
} = {
  ...llamaLikeFields,
  vocab_size: count.default(151936),
  intermediate_size: count.default(22016),
  num_key_value_heads: count.nullable().default(32),
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().min(0).default(28),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
};

/** The window of each layer. */
export function qwenWindows(config: QwenConfig): (number | null)[] {
  const { num_hidden_layers, use_sliding_window, sliding_window, layer_types } = config;
  return Array.from({ length: num_hidden_layers }, (_, i) => {
    const isSliding = layer_types
      ? layer_types[i] === 'sliding_attention'
      : i >= config.max_window_layers;
    return use_sliding_window && isSliding ? sliding_window : null;
  });
}
