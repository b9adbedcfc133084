import { noPlaceFor } from './keyErrors.ts';
import type { KeyedParts } from './keyedModule.ts';

/** What names start with, by the part of the model. */
export const kohyaPrefixes: readonly (readonly [prefix: string, part: string])[] = [
  ['lora_unet_', 'unet'],
  ['lora_te1_', 'text_encoder'],
  ['lora_te2_', 'text_encoder_2'],
  ['lora_te3_', 'text_encoder_3'],
  ['lora_te_', 'text_encoder'],
];

/** The part that a key of kohya's style is for; `undefined` for a key of another style. */
export function kohyaPartOf(key: string): string | undefined {
  return kohyaPrefixes.find(([prefix]) => key.startsWith(prefix))?.[1];
}

/** What the names of a part start with. With a second text encoder, the first one has a number, too. */
export function kohyaPrefixOf(part: string, parts: KeyedParts): string {
  const isOnly = [...parts.keys()].every((other) => !/^text_encoder_\d$/.test(other));
  // A transformer in the place of a U-Net has its prefix.
  const wanted = part.startsWith('transformer') ? 'unet' : part;
  const found = kohyaPrefixes.filter(([, own]) => own === wanted).map(([prefix]) => prefix);
  const prefix = isOnly ? found.at(-1) : found[0];
  if (prefix !== undefined) return prefix;
  throw noPlaceFor('kohya', part, `parts: ${kohyaPrefixes.map(([, own]) => own).join(', ')}`);
}
