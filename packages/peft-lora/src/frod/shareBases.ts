import { LorikeetError, type Tensor, tensor } from '@lorikeet/tensor-core';
import { MersenneTwister } from '../torch/mersenneTwister.ts';
import { permutationStart } from '../torch/randomValues.ts';
import type { SharedTensors, SharingPlace } from '../variant.ts';
import { jointBasis } from './jointBasis.ts';
import { layerOf, roleOf } from './moduleRole.ts';

/** What the bases depend on. */
export interface BasisConfig {
  readonly projectionSeed: number;
  readonly sparseRate: number;
  readonly regularization: number;
}

/**
 * For each place what it has in common with those of the same role: V, [in, in], the basis; `places` i32 [2, n], rows and
 * columns of the entries that train, as PEFT draws them by the seed; `sides` of the matrix that these are of, i32 [2].
 *
 * @throws LorikeetError `unsupported` if modules of one role have inputs of different sizes.
 */
export function shareBases(places: readonly SharingPlace<BasisConfig>[]): readonly SharedTensors[] {
  const [first] = places;
  if (first === undefined) return [];
  const roles = [...new Set(places.map(({ path }) => roleOf(path)))].sort();
  const generator = new MersenneTwister(first.config.projectionSeed);
  const shared = new Map(
    roles.map((role) => {
      const own = places.filter(({ path }) => roleOf(path) === role);
      return [role, shareOne(places, own, generator)] as const;
    }),
  );
  return places.flatMap(({ path }) => shared.get(roleOf(path)) ?? []);
}

function shareOne(
  places: readonly SharingPlace<BasisConfig>[],
  own: readonly SharingPlace<BasisConfig>[],
  generator: MersenneTwister,
): SharedTensors {
  const [first] = own;
  if (first === undefined) throw new LorikeetError('internal', 'a role without modules');
  const { shape, config } = first;
  const other = own.find((place) => place.shape.in !== shape.in);
  if (other !== undefined)
    throw new LorikeetError(
      'unsupported',
      `frod: '${first.path}' and '${other.path}' have one basis, and inputs of different sizes`,
      {
        expected: String(shape.in),
        received: String(other.shape.in),
        hint: 'adapt them one after the other, as adapters with names of their own',
      },
    );
  // As in PEFT, a later module takes the place of one of the same role and layer.
  const byLayer = new Map(
    own.map((place) => [layerOf(place.path) ?? places.indexOf(place), place]),
  );
  const layers = [...byLayer].sort(([a], [b]) => a - b);
  const V = jointBasis(
    layers.map(([, place]) => decomposed(place)),
    config.regularization,
  );
  const sides = tensor([shape.in, shape.in], [2], 'i32');
  return {
    parameters: {},
    frozen: { V, places: drawnEntries(generator, shape.in, config), sides },
  };
}

/** The weight that is decomposed: in PEFT that under all adapters, where there are several. */
export function decomposed({
  compat,
  base,
  root,
}: Pick<SharingPlace<unknown>, 'compat' | 'base' | 'root'>): Tensor {
  return compat === 'peft' ? root() : base();
}

/** How many entries beside the diagonal train. */
export function entryCount(side: number, { sparseRate }: BasisConfig): number {
  const most = side * (side - 1);
  const count = Math.min(Math.trunc(side * side * sparseRate), most);
  return sparseRate > 0 && most > 0 ? Math.max(1, count) : count;
}

function drawnEntries(generator: MersenneTwister, side: number, config: BasisConfig): Tensor {
  const [size, count] = [side * (side - 1), entryCount(side, config)];
  if (count === 0) return tensor(new Int32Array(0), [2, 0], 'i32');
  const chosen = permutationStart(generator, size, count);
  // PyTorch draws the whole permutation, and so far is the next role behind.
  for (let drawn = Math.min(count, size - 1); drawn < size - 1; drawn++) generator.bits();
  const rows = chosen.map((entry) => Math.floor(entry / (side - 1)));
  const columns = chosen.map((entry, i) => {
    const column = entry % (side - 1);
    return column < (rows[i] ?? 0) ? column : column + 1;
  });
  const all = new Int32Array(2 * count);
  all.set(rows);
  all.set(columns, count);
  return tensor(all, [2, count], 'i32');
}
