import { LorikeetError } from '@lorikeet/tensor-core';

/** The largest numbers that a config may have, by the names of its fields: far above what any model has. */
const limits: readonly (readonly [field: RegExp, most: number])[] = [
  [/layers?$|group_num$|num_hidden_groups$/, 1_000],
  [/vocab_size$/, 2 ** 26],
  [/position|n_ctx|window|bucket|distance/, 2 ** 26],
  [/heads?$|labels$/, 2 ** 17],
  [/size$|dim$|width$|inner$|embd$|kv$|^d_|ff$|rank$/, 2 ** 22],
];

/**
 * Refuses a config whose sizes no model has, before anything is made of them. Numbers that are no sizes, such as the base of a
 * rotation, are not looked at.
 *
 * @throws LorikeetError `invalid-config`, naming each field.
 */
export function requireSizes(config: object): void {
  const faults = Object.entries(config).flatMap(([field, value]) => {
    const most = limits.find(([pattern]) => pattern.test(field))?.[1];
    const isTooLarge = most !== undefined && typeof value === 'number' && !(value <= most);
    return isTooLarge ? [`${field}: ${value}, more than ${most}`] : [];
  });
  if (faults.length === 0) return;
  throw new LorikeetError('invalid-config', 'the config has sizes that no model has', {
    received: faults.join('; '),
  });
}
