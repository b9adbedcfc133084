import { disable } from '../compose.ts';
import { applyUpdate } from './applyUpdate.ts';
import { updateOf } from './updateOf.ts';

/**
 * An adapter as plain LoRA on the same base, exactly: what it changes of each weight is kept, with the rank that it has.
 * PiSSA and OLoRA, which take a part out of the weight, become LoRA of twice their rank, as in PEFT's
 * `path_initial_model_for_weight_conversion`; files of that need no decomposition when they are loaded, and serve in
 * programs that know LoRA alone.
 *
 * @returns a new model, with the adapter in the place of the other and under its name.
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` for a method whose change of a weight is no
 *   low-rank product.
 * @example
 * await saveAdapter(convertToLora(tuned), 'as-lora');
 */
export function convertToLora<T>(
  tuned: T,
  { name = 'default' }: { readonly name?: string } = {},
): T {
  return applyUpdate(disable(tuned, name), updateOf(tuned, name), { name });
}
