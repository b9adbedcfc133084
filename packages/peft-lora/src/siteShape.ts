import type { Site } from '@lorikeet/nn';
import { LorikeetError, permute, type Shape, type Tensor } from '@lorikeet/tensor-core';

/** The sides of a weight as its adapter sees it, however its module stores it. */
export interface SiteShape {
  readonly kind: Site['kind'];
  /** Features out; of an embedding its width, of a convolution its channels out, of a normalisation its features. */
  readonly out: number;
  /** Features in; of an embedding its rows, of a convolution its channels in over its groups. */
  readonly in: number;
  /** Spatial sides of a convolution's kernel, else empty. */
  readonly kernel: Shape;
  readonly groups: number;
  /** Of the weight of experts how many there are, else 1. */
  readonly experts: number;
  /** Whether the module has a bias beside the weight. */
  readonly hasBias: boolean;
}

/** Reads the sides off a weight's shape. */
export function siteShapeOf(site: Site, shape: Shape, hasBias = false): SiteShape {
  const [first = 0, second = 0, ...kernel] = shape;
  if (site.kind === 'norm') {
    const features = shape.reduce((product, side) => product * side, 1);
    return {
      kind: 'norm',
      out: features,
      in: features,
      kernel: [],
      groups: 1,
      experts: 1,
      hasBias,
    };
  }
  if (shape.length < 2) {
    throw new LorikeetError('shape-mismatch', 'a weight to adapt must have at least two axes', {
      received: `[${shape.join(',')}]`,
    });
  }
  if (site.kind === 'experts') {
    const [rows = 0, columns = 0] = shape.slice(1);
    const [out, inputs] = site.inputAxis === 1 ? [rows, columns] : [columns, rows];
    return { kind: 'experts', out, in: inputs, kernel: [], groups: 1, experts: first, hasBias };
  }
  const groups = site.groups ?? 1;
  if (site.kind === 'embedding')
    return { kind: 'embedding', out: second, in: first, kernel, groups, experts: 1, hasBias };
  const [out, inputs] = site.inputAxis === 1 ? [first, second] : [second, first];
  return { kind: site.kind, out, in: inputs, kernel, groups, experts: 1, hasBias };
}

/**
 * Between the order of axes in which a module stores a weight and the one that adapters know: [out, in],
 * [rows, width], [O, C, ...kernel] or [E, out, in]. The exchange of two axes undoes itself, so this leads both ways.
 */
export function exchangeOrder(site: Site, weight: Tensor): Tensor {
  if (site.inputAxis === 1) return weight;
  if (site.kind === 'linear') return permute(weight, [1, 0]);
  return site.kind === 'experts' ? permute(weight, [0, 2, 1]) : weight;
}
