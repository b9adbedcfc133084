/** What each stack takes as its words where the file has one table for both. */
export const sharedWords: Readonly<Record<string, string>> = {
  'encoder.embed_tokens.weight': 'shared.weight',
  'decoder.embed_tokens.weight': 'shared.weight',
};
/** Of a whole checkpoint, what a decoder alone leaves. */
export const besideDecoder: RegExp = /^(final_logits_bias|(model\.)?(encoder\..+|shared\.weight))$/;
/** What a decoder alone has and does not use. */
export const unusedWithoutEncoder: RegExp = /\.encoder_attn(_layer_norm)?\./;
