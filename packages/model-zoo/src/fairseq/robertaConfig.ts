import { LorikeetError } from '@lorikeet/tensor-core';
import type { FoundTensor } from '../pytorch/asSafetensors.ts';
import { Namespace } from '../pytorch/torchPickle.ts';

/**
 * The `config.json` that transformers would have for fairseq's RoBERTa, from the options it was trained with and the sizes of
 * its tensors.
 *
 * @param tensors under transformers' names.
 * @throws LorikeetError `invalid-file` if an option that decides the results is missing.
 */
export function robertaConfig(
  content: unknown,
  tensors: ReadonlyMap<string, FoundTensor>,
  file: string,
): Readonly<Record<string, unknown>> {
  const options = optionsOf(content);
  const [vocab_size = 0, hidden_size = 0] = shapeOf(tensors, 'roberta.embeddings.word_embeddings');
  const [positions = 0] = shapeOf(tensors, 'roberta.embeddings.position_embeddings');
  const [intermediate = 0] = shapeOf(tensors, 'roberta.encoder.layer.0.intermediate.dense');
  const layers = new Set(
    [...tensors.keys()].flatMap(
      (name) => /^roberta\.encoder\.layer\.(\d+)\./.exec(name)?.[1] ?? [],
    ),
  );
  const labels = shapeOf(tensors, 'classifier.out_proj')[0];
  const heads = options.get('encoder_attention_heads');
  if (typeof heads !== 'number' || hidden_size === 0)
    throw new LorikeetError('invalid-file', 'the checkpoint does not say how its model is built', {
      path: file,
      expected: 'encoder_attention_heads among the options under args or cfg',
      received: String(heads),
    });
  return {
    architectures: [
      labels === undefined ? 'RobertaForMaskedLM' : 'RobertaForSequenceClassification',
    ],
    model_type: 'roberta',
    vocab_size,
    hidden_size,
    intermediate_size: intermediate,
    num_hidden_layers: layers.size,
    num_attention_heads: heads,
    max_position_embeddings: positions,
    type_vocab_size: 1,
    hidden_act: options.get('activation_fn') ?? 'gelu',
    hidden_dropout_prob: options.get('dropout') ?? 0.1,
    attention_probs_dropout_prob: options.get('attention_dropout') ?? 0.1,
    // PyTorch's default, which fairseq does not change.
    layer_norm_eps: 1e-5,
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
    ...(labels === undefined ? {} : { num_labels: labels }),
  };
}

/** The options: `args`, or since fairseq 0.10 those of the model in `cfg`. */
function optionsOf(content: unknown): ReadonlyMap<unknown, unknown> {
  if (!(content instanceof Map)) return new Map();
  const cfg: unknown = content.get('cfg');
  const inner: unknown = cfg instanceof Map ? cfg.get('model') : undefined;
  for (const options of [content.get('args'), inner]) {
    if (options instanceof Namespace) return options.fields;
    if (options instanceof Map) return options;
  }
  return new Map();
}

function shapeOf(tensors: ReadonlyMap<string, FoundTensor>, module: string): readonly number[] {
  return tensors.get(`${module}.weight`)?.shape ?? [];
}
