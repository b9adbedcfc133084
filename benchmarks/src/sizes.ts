/** A model of real sizes, and the batch at which it is measured unless told otherwise. */
export interface BenchmarkModel {
  /** As in `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Which modules get an adapter. */
  readonly targets: string;
  readonly batch: number;
  readonly seq: number;
  /** Whether the labels are the next tokens. */
  readonly isCausal: boolean;
}

const bert = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 30522,
  num_labels: 2,
};

export const benchmarkModels: Readonly<Record<string, BenchmarkModel>> = {
  'bert-tiny': {
    config: {
      ...bert,
      hidden_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 512,
    },
    targets: '**.{query,value}',
    batch: 16,
    seq: 64,
    isCausal: false,
  },
  'bert-base': {
    config: {
      ...bert,
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
    },
    targets: '**.{query,value}',
    batch: 8,
    seq: 128,
    isCausal: false,
  },
  gpt2: {
    config: {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      vocab_size: 50257,
      n_positions: 1024,
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
    },
    targets: '**.c_attn',
    batch: 4,
    seq: 256,
    isCausal: true,
  },
  'llama-160m': {
    config: {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 32000,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      num_key_value_heads: 12,
      max_position_embeddings: 2048,
      rms_norm_eps: 1e-6,
      hidden_act: 'silu',
      tie_word_embeddings: false,
    },
    targets: '**.{q_proj,v_proj}',
    batch: 4,
    seq: 128,
    isCausal: true,
  },
};
