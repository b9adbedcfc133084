import { type Optimizer, paths } from '@lorikeet/nn';
import {
  add,
  cast,
  dot,
  eye,
  inv,
  LorikeetError,
  mapTensors,
  mul,
  promote,
  reshape,
  sliceAxis,
  stack,
  type Tensor,
} from '@lorikeet/tensor-core';
import { trainedGroups } from './trainedPlaces.ts';

export interface PreconditionOptions {
  /** The factors whose gradients are changed. */
  readonly factors: 'both' | 'left';
  /** Added to the diagonals before they are inverted, so that a factor of lower rank, or of zeros, has an inverse. */
  readonly damping: number;
  /** Whether the gradient of B is also divided by the square of the scale of the update. Defaults to false. */
  readonly unscaled?: boolean;
}

/** A gradient, and what its inverse is made of. */
interface Preconditioned {
  readonly path: string;
  /** [R, R] */
  readonly gram: Tensor;
  /** The axis of the gradient that R is. */
  readonly axis: 0 | 1;
  readonly scale: number;
}

/**
 * Multiplies the gradients of the factors of low-rank updates by the inverses of the other factors' inner products:
 * `gB (A Aᵀ + damping)⁻¹`, and `(Bᵀ B + damping)⁻¹ gA`. Matrices and kernels only, not embeddings; what else trains is
 * passed on. All inverses, R x R, are made at once; a backend without matrix decompositions makes them on the host.
 */
export function preconditionFactors(options: PreconditionOptions): Optimizer<null> {
  return {
    init: () => null,
    update(gradients, state, parameters) {
      const found = preconditionedIn(parameters, options);
      const inverses = inversesOf(
        found.map(({ gram }) => gram),
        options.damping,
      );
      const slopes = new Map(paths(gradients));
      const changed = new Map(
        found.flatMap(({ path, axis, scale }, i) => {
          const [gradient, inverse] = [slopes.get(path), inverses[i]];
          if (gradient === undefined || inverse === undefined) return [];
          return [[path, times(gradient, mul(inverse, scale), axis)] as const];
        }),
      );
      return {
        updates: mapTensors(gradients, (leaf, path) => changed.get(path.join('.')) ?? leaf),
        state,
      };
    },
  };
}

function preconditionedIn(
  parameters: unknown,
  { factors, unscaled = false }: PreconditionOptions,
): Preconditioned[] {
  return trainedGroups(parameters)
    .flat()
    .flatMap(({ settings, parameters: own, paths: at }): Preconditioned[] => {
      const { variant, config, site, shape } = settings;
      const names = variant.factors?.(config);
      const [B, A] = [own[names?.left ?? ''], own[names?.right ?? '']];
      if (names === undefined || names.scale === null || site.kind === 'embedding') return [];
      if (A === undefined || B === undefined) return [];
      if (shape.groups !== 1 || shape.kind === 'experts') throw severalError(settings.path);
      const scale = unscaled ? names.scale ** -2 : 1;
      const left = { path: at[names.left] ?? '', gram: gramOf(A, 0), axis: 1, scale } as const;
      const right = { path: at[names.right] ?? '', gram: gramOf(B, 1), axis: 0, scale: 1 } as const;
      return factors === 'left' ? [left] : [left, right];
    });
}

/** The inner products of a factor's parts along its axis of rank; [R, R], at least f32. */
function gramOf(factor: Tensor, axis: 0 | 1): Tensor {
  const wide = cast(factor, promote(factor.dtype, 'f32'));
  const rest = wide.shape.map((_, i) => i).filter((i) => i !== axis);
  return dot(wide, wide, { contract: [rest, rest] });
}

/** The inverse of each, those of one size in one go. */
function inversesOf(grams: readonly Tensor[], damping: number): Tensor[] {
  const places = new Map<number, number[]>();
  for (const [i, { shape }] of grams.entries()) {
    const [size = 0] = shape;
    places.set(size, [...(places.get(size) ?? []), i]);
  }
  const inverses: Tensor[] = [];
  for (const [size, own] of places) {
    const stacked = stack(own.flatMap((i) => grams[i] ?? [])); // [n, R, R]
    const found = inv(add(stacked, mul(eye(size, size, { dtype: stacked.dtype }), damping)));
    for (const [n, i] of own.entries())
      inverses[i] = reshape(sliceAxis(found, 0, n, 1), [size, size]);
  }
  return inverses;
}

/** The gradient times a symmetric matrix, [R, R], along one axis. */
function times(gradient: Tensor, matrix: Tensor, axis: 0 | 1): Tensor {
  const [rows = 0, columns = 0] = gradient.shape;
  // Kernels of B are 1 x 1; those of A are rows of numbers.
  const flat = reshape(gradient, axis === 0 ? [rows, -1] : [rows, columns]);
  const product =
    axis === 0
      ? dot(matrix, flat, { contract: [[1], [0]] })
      : dot(flat, matrix, { contract: [[1], [0]] });
  return cast(reshape(product, gradient.shape), gradient.dtype);
}

/** Factors of groups and experts have inner products for each of them. */
function severalError(path: string): LorikeetError {
  return new LorikeetError(
    'unsupported',
    'this optimiser cannot precondition the factors of groups or experts',
    { path, hint: 'leave the module out, or train with AdamW' },
  );
}
