import type { SiteShape } from './siteShape.ts';

/** The largest sides of some weights, for a projection from which each weight takes a part. */
export function largestSides(shapes: readonly SiteShape[]): {
  readonly out: number;
  readonly in: number;
} {
  return {
    out: Math.max(...shapes.map(({ out }) => out)),
    in: Math.max(...shapes.map((shape) => shape.in)),
  };
}
