import { disable } from '../compose.ts';
import { applyUpdate } from './applyUpdate.ts';
import type { EnergyChoice } from './energy.ts';
import type { ExtractedRow } from './extractUpdate.ts';
import { nearestUpdate } from './nearestUpdate.ts';
import { updateOf } from './updateOf.ts';

/** Plain LoRA in place of an adapter, and how near it is. */
export interface Converted<T> {
  /** With LoRA in the place of the adapter, under its name. */
  readonly model: T;
  /** Of each weight the rank, and the part of the sum of squares of its change that is kept. */
  readonly rows: readonly ExtractedRow[];
}

interface Named {
  /** Of the adapter. Defaults to `default`. */
  readonly name?: string;
}

/**
 * An adapter as plain LoRA on the same base. Without more it is exact: what it changes of each weight is kept, with the
 * rank that it has. PiSSA and OLoRA, which take a part out of the weight, become LoRA of twice their rank, as in PEFT's
 * `path_initial_model_for_weight_conversion`; files of that need no decomposition when they are loaded, and serve in
 * programs that know LoRA alone.
 *
 * With a `rank` or a part of the `energy` it is the nearest LoRA (Eckart and Young 1936) for any method that changes weights
 * and biases, PEFT's `convert_to_lora`; a weight whose change has no higher rank keeps all of it. What methods of low
 * rank change is never made as a matrix.
 *
 * @returns a new model, with the adapter in the place of the other and under its name; with a choice, also how much of each
 *   change is kept.
 * @throws LorikeetError `no-match` if there is no such adapter; `unsupported` for what LoRA cannot be put on and, without
 *   a choice, for a method whose change of a weight is no low-rank product; `invalid-argument` for a choice that is none.
 * @example
 * await saveAdapter(convertToLora(tuned), 'as-lora');
 * const { model, rows } = await convertToLora(tuned, { energy: 0.99 });
 */
export function convertToLora<T>(tuned: T, options?: Named): T;
export function convertToLora<T>(tuned: T, options: Named & EnergyChoice): Promise<Converted<T>>;
export function convertToLora<T>(
  tuned: T,
  { name = 'default', ...choice }: Named & EnergyChoice = {},
): T | Promise<Converted<T>> {
  return choice.rank === undefined && choice.energy === undefined
    ? applyUpdate(disable(tuned, name), updateOf(tuned, name), { name })
    : nearestLora(tuned, name, choice);
}

async function nearestLora<T>(tuned: T, name: string, choice: EnergyChoice): Promise<Converted<T>> {
  const { update, rows } = await nearestUpdate(tuned, name, choice);
  return { model: applyUpdate(disable(tuned, name), update, { name }), rows };
}
