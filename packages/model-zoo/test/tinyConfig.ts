/** The fields of a small model under the names of every family: each takes its own, and keeps the others. */
export const tinyConfig: {
  readonly vocab_size: number;
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly [field: string]: unknown;
} = {
  vocab_size: 13,
  ...same(8, ['hidden_size', 'd_model', 'dim', 'n_embd']),
  ...same(2, ['num_hidden_layers', 'num_layers', 'n_layers', 'n_layer', 'encoder_layers']),
  ...same(2, ['decoder_layers', 'num_decoder_layers', 'num_attention_heads', 'num_heads']),
  ...same(2, ['n_heads', 'n_head', 'encoder_attention_heads', 'decoder_attention_heads']),
  ...same(12, ['intermediate_size', 'hidden_dim', 'd_ff', 'ffn_dim']),
  ...same(12, ['encoder_ffn_dim', 'decoder_ffn_dim', 'n_inner']),
  ...same(16, ['max_position_embeddings', 'n_positions']),
  ...same(0.5, ['initializer_range', 'init_std', 'initializer_factor']),
  num_key_value_heads: 1,
  head_dim: 4,
  d_kv: 4,
  embedding_size: 6,
  pad_token_id: 0,
  eos_token_id: 2,
  decoder_start_token_id: 1,
  num_labels: 3,
  // What families are known for: windows, caps, stretched positions, distances, shared layers.
  sliding_window: 3,
  local_attention: 4,
  attn_logit_softcapping: 2,
  final_logit_softcapping: 3,
  query_pre_attn_scalar: 4,
  rotary_pct: 0.5,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 6,
  relative_attention: true,
  position_buckets: 4,
  pos_att_type: ['c2p', 'p2c'],
  norm_rel_ebd: 'layer_norm',
  conv_kernel_size: 3,
};

function same<const Name extends string>(
  value: number,
  names: readonly Name[],
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<Name, number>;
}
