import type { Tensor } from '@lorikeet/tensor-core';
import { AdaptedBias } from '../adaptedBias.ts';
import type { AdaptedWeight } from '../adaptedWeight.ts';
import type { StoredForm, Tensors } from '../variant.ts';

/** The tensors of a layer: those that must be in a file, and those that may. */
export function partsOf(layer: AdaptedWeight | AdaptedBias): {
  readonly part: string;
  readonly parameter: string;
  readonly tensor: Tensor;
  readonly isStored: boolean;
  readonly isCopy: boolean;
}[] {
  const list = (part: string, tensors: Tensors, isStored: boolean) =>
    Object.entries(tensors).map(([parameter, tensor]) => {
      return { part, parameter, tensor, isStored, isCopy: part.startsWith('shared') };
    });
  const own = list('parameters', layer.parameters, true);
  if (layer instanceof AdaptedBias) return own;
  const { parameters = {}, frozen = {} } = layer.shared?.value ?? {};
  return [
    ...own,
    ...list('frozen', layer.frozen, false),
    ...list('shared.value.parameters', parameters, false),
    ...list('shared.value.frozen', frozen, false),
  ];
}

/** `partsOf`, with what stands for the parameters in their place. */
export function storedPartsOf(layer: AdaptedWeight | AdaptedBias): {
  readonly form: StoredForm | undefined;
  readonly parts: ReturnType<typeof partsOf>;
} {
  const parts = partsOf(layer);
  const { variant, config, shape } = layer.settings;
  const form = variant.peft?.stored?.(config, shape);
  if (form === undefined || layer instanceof AdaptedBias) return { form: undefined, parts };
  const stored = Object.entries(form.encode(layer.parameters)).map(([parameter, tensor]) => {
    return { part: 'parameters', parameter, tensor, isStored: true, isCopy: false };
  });
  return { form, parts: [...stored, ...parts.filter(({ part }) => part !== 'parameters')] };
}
