import { LorikeetError } from '@lorikeet/tensor-core';
import { factorize } from '../lycoris/factorize.ts';
import type { KeyedModule } from './keyedModule.ts';

/** The sides of the two factors of a Kronecker product. */
interface Sides {
  readonly first: readonly [rows: number, columns: number];
  readonly second: readonly [rows: number, columns: number];
}

/**
 * PEFT's `decompose_factor` with which it would make factors of the shapes that there are.
 *
 * @throws LorikeetError `unsupported` if there is none.
 */
export function lokrFactor(modules: readonly KeyedModule[]): number {
  const sides = modules.map(sidesOf);
  const candidates = [-1, ...new Set(sides.flatMap(({ first }) => first))];
  const fits = (factor: number, side: 0 | 1): boolean =>
    sides.every(({ first, second }) => {
      const [one, other] = factorize(first[side] * second[side], factor);
      return one === first[side] && other === second[side];
    });
  const rows = candidates.filter((factor) => fits(factor, 0));
  // The columns of a kernel without a core are not told apart from its sides.
  const found = rows.find((factor) => fits(factor, 1)) ?? rows[0];
  if (found !== undefined) return found;
  throw new LorikeetError('unsupported', 'no decompose_factor of PEFT gives these factors', {
    path: modules[0]?.path,
    received: sides.map(({ first }) => `[${first.join(',')}]`).join(' '),
  });
}

function sidesOf({ tensors, path }: KeyedModule): Sides {
  const { lokr_w1: w1, lokr_w2: w2, lokr_t2: core } = tensors;
  const [a, b] = [tensors.lokr_w2_a?.shape ?? [], tensors.lokr_w2_b?.shape ?? []];
  const first = w1?.shape ?? [tensors.lokr_w1_a?.shape[0] ?? 0, tensors.lokr_w1_b?.shape[1] ?? 0];
  const second = w2?.shape ?? [core === undefined ? (a[0] ?? 0) : (a[1] ?? 0), b[1] ?? 0];
  const [[l = 0, m = 0], [k = 0, n = 0]] = [first, second];
  if (l * m * k * n === 0)
    throw new LorikeetError('missing-tensor', 'a factor of a Kronecker product is not there', {
      path,
    });
  return { first: [l, m], second: [k, n] };
}
