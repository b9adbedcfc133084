import { LorikeetError } from '@lorikeet/tensor-core';
import type { FoundTensor } from '../pytorch/asSafetensors.ts';

/** What fairseq calls the parts of a layer, and what transformers does. */
const layerParts: Readonly<Record<string, string>> = {
  'self_attn.q_proj': 'attention.self.query',
  'self_attn.k_proj': 'attention.self.key',
  'self_attn.v_proj': 'attention.self.value',
  'self_attn.out_proj': 'attention.output.dense',
  self_attn_layer_norm: 'attention.output.LayerNorm',
  fc1: 'intermediate.dense',
  fc2: 'output.dense',
  final_layer_norm: 'output.LayerNorm',
};

const embeddingParts: Readonly<Record<string, string>> = {
  embed_tokens: 'word_embeddings',
  embed_positions: 'position_embeddings',
  emb_layer_norm: 'LayerNorm',
  layernorm_embedding: 'LayerNorm',
};

/**
 * The tensors of fairseq's RoBERTa under transformers' names. Old checkpoints have queries, keys and values of a layer in
 * one tensor: its thirds are read as three.
 *
 * @param head the classification head to take, if there is more than one.
 * @throws LorikeetError `unexpected-tensor` for a name that RoBERTa has not; `no-match` for a head that is not there.
 */
export function robertaTensors(
  found: ReadonlyMap<string, FoundTensor>,
  head: string | undefined,
  file: string,
): ReadonlyMap<string, FoundTensor> {
  const heads = new Set([...found.keys()].flatMap((name) => headOf(name)?.head ?? []));
  const [only] = heads;
  const chosen = head ?? (heads.size === 1 ? only : undefined);
  if (head !== undefined && !heads.has(head))
    throw new LorikeetError('no-match', 'the checkpoint has no such classification head', {
      path: file,
      expected: [...heads].join(', ') || 'none',
      received: head,
    });
  const renamed = new Map<string, FoundTensor>();
  for (const [name, tensor] of found) {
    const parts = partsOf(name, tensor, chosen);
    if (parts === undefined)
      throw new LorikeetError('unexpected-tensor', 'the checkpoint is no RoBERTa of fairseq', {
        path: `${file}: ${name.slice(0, 100)}`,
        expected: 'tensors of decoder.sentence_encoder, decoder.lm_head and classification_heads',
      });
    for (const [own, part] of parts) renamed.set(own, part);
  }
  const words = renamed.get('roberta.embeddings.word_embeddings.weight');
  if (words !== undefined)
    renamed.set('roberta.embeddings.token_type_embeddings.weight', zerosOf(words.shape[1] ?? 0));
  return renamed;
}

type Parts = readonly (readonly [name: string, tensor: FoundTensor])[];

/** What a tensor is in transformers: nothing, itself or three; `undefined` if it is unknown. */
function partsOf(name: string, tensor: FoundTensor, head: string | undefined): Parts | undefined {
  const classifier = headOf(name);
  if (classifier !== undefined)
    return classifier.head === head ? [[`classifier.${classifier.rest}`, tensor]] : [];
  const own = /^(?:decoder|encoder)\.(.+)$/.exec(name)?.[1];
  if (own === undefined) return undefined;
  // The table of words once more, which is tied.
  if (own === 'lm_head.weight') return [['lm_head.decoder.weight', tensor]];
  if (/^lm_head\.(bias|(dense|layer_norm)\.(weight|bias))$/.test(own)) return [[own, tensor]];
  const inner = /^sentence_encoder\.(.+)$/.exec(own)?.[1];
  if (inner === undefined) return undefined;
  // Which layout the program wrote, and no number of the model.
  if (inner === 'version') return [];
  const [, part = '', end = ''] = /^(.+)\.(weight|bias)$/.exec(inner) ?? [];
  const embedding = embeddingParts[part];
  if (embedding !== undefined) return [[`roberta.embeddings.${embedding}.${end}`, tensor]];
  return layerTensor(inner, tensor);
}

function layerTensor(inner: string, tensor: FoundTensor): Parts | undefined {
  const [, index, rest = ''] = /^layers\.(\d+)\.(.+)$/.exec(inner) ?? [];
  if (index === undefined) return undefined;
  const place = `roberta.encoder.layer.${index}`;
  const joint = /^self_attn\.in_proj_(weight|bias)$/.exec(rest)?.[1];
  if (joint !== undefined) {
    return ['query', 'key', 'value'].map(
      (name, third) =>
        [`${place}.attention.self.${name}.${joint}`, thirdOf(tensor, third)] as const,
    );
  }
  const [, part = '', end = ''] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
  const own = layerParts[part];
  return own === undefined ? undefined : [[`${place}.${own}.${end}`, tensor]];
}

function headOf(name: string): { readonly head: string; readonly rest: string } | undefined {
  const [, head, rest] =
    /^(?:decoder\.)?classification_heads\.([^.]+)\.((?:dense|out_proj)\.(?:weight|bias))$/.exec(
      name,
    ) ?? [];
  return head === undefined || rest === undefined ? undefined : { head, rest };
}

/** Some of the rows of a tensor. */
function thirdOf({ shape, dtype, byteLength, read }: FoundTensor, third: number): FoundTensor {
  const [rows = 0, ...rest] = shape;
  const bytes = byteLength / 3;
  return {
    dtype,
    shape: [rows / 3, ...rest],
    byteLength: bytes,
    read: (offset, length) => read(third * bytes + offset, length),
  };
}

/** RoBERTa has one type of tokens, which transformers adds a vector for. */
function zerosOf(width: number): FoundTensor {
  return {
    dtype: 'F32',
    shape: [1, width],
    byteLength: 4 * width,
    read: async (_, length) => new Uint8Array(length),
  };
}
