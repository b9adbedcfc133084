/** Texts in and out of models: tokens, and the texts of conversations. */
export type { BatchInputs, BatchOptions } from './tokenizers/batch.ts';
export type { ChatMessage, ChatOptions, EncodedChat } from './tokenizers/chatTemplate.ts';
export type { DecodeStream } from './tokenizers/decodeStream.ts';
export type { Encoding } from './tokenizers/encoding.ts';
export type { SpecialNames } from './tokenizers/newTokenizer.ts';
export type { SpecialTokens } from './tokenizers/specialTokens.ts';
export { type EncodeOptions, Tokenizer, type WindowOptions } from './tokenizers/tokenizer.ts';
export { type TrainTokenizerOptions, trainTokenizer } from './tokenizers/trainTokenizer.ts';
