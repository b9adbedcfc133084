import type { Projected } from '@lorikeet/nn';
import { alias, LorikeetError, mapTensors } from '@lorikeet/tensor-core';
import { isPretrained, type ShadowConfig } from './shadowConfig.ts';

/**
 * What trains of a small model that was trained before: itself, under a new identity.
 *
 * @throws LorikeetError `invalid-config` where only one of the model and its name is given.
 */
export function trainedShadow(config: ShadowConfig, given: Projected | undefined): Projected {
  const { shadowModel } = config;
  if (given === undefined)
    throw new LorikeetError('invalid-config', `shadow needs the model '${shadowModel}' itself`, {
      received: 'its name alone',
      hint: 'shadow({ shadowModel }, model), and for a file loadAdapter(base, dir, { moduleVariants: [shadowOf(model)] })',
    });
  if (!isPretrained(config))
    throw new LorikeetError('invalid-config', 'shadow is given a small model without a name', {
      expected: 'shadowModel: the id or path under which PEFT finds it',
      received: `'${shadowModel}', which is a new one`,
    });
  return mapTensors({ backbone: given.backbone, projection: given.projection }, alias);
}
