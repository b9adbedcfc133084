import { GatedMLP, isAdaptable, isReparam, MLP, materialize } from '@lorikeet/nn';
import { Tensor } from '@lorikeet/tensor-core';
import { siteShapeOf } from '../siteShape.ts';

/** Features that a module takes and gives; `undefined` where it does not tell. */
export function widthsOf(
  module: unknown,
): { readonly inputs: number; readonly outputs: number } | undefined {
  if (module instanceof GatedMLP) return joined(module.up_proj, module.down_proj);
  if (module instanceof MLP) return joined(module.up, module.down);
  if (!isAdaptable(module) || module.site.kind !== 'linear') return undefined;
  const weight = module[module.site.field];
  if (!(weight instanceof Tensor) && !isReparam(weight)) return undefined;
  const { in: inputs, out: outputs } = siteShapeOf(module.site, materialize(weight).shape);
  return { inputs, outputs };
}

function joined(first: unknown, last: unknown): ReturnType<typeof widthsOf> {
  const [one, other] = [widthsOf(first), widthsOf(last)];
  return one && other && { inputs: one.inputs, outputs: other.outputs };
}
