import { variants } from '@lorikeet/peft-lora';
import { LorikeetError } from '@lorikeet/tensor-core';

/** A method that changes weights, by its name. Throws `no-match`, naming all, for a name that is none's. */
export function findVariant(name: string): (typeof variants)[number] {
  const found = variants.find((known) => known.name === name);
  if (found !== undefined) return found;
  throw new LorikeetError('no-match', `there is no method '${name}'`, {
    expected: variants.map((known) => known.name).join(', '),
    received: name,
  });
}
