import {
  at,
  isMirrored,
  isProjected,
  isReparam,
  type Mirrored,
  type Projected,
  takesVectors,
} from '@lorikeet/nn';
import { alias, LorikeetError, mapTensors } from '@lorikeet/tensor-core';
import { moduleAdapters } from '../modules/moduleAdapter.ts';
import { modelPaths } from '../rewrite.ts';
import { mirroredIn } from './mirroredIn.ts';
import { isPretrained, type ShadowConfig } from './shadowConfig.ts';

/**
 * The small model in what is given as one: a shadow alone, a projected one, or a model, whose head is left.
 *
 * @throws LorikeetError `unsupported` for a model of another kind, and for one with adapters or quantised weights.
 */
export function pretrainedShadow(given: object): Projected {
  const projection = isProjected(given) ? given.projection : null;
  const backbone = isProjected(given) ? given.backbone : backboneOf(given);
  const { weights } = modelPaths(backbone);
  const odd =
    moduleAdapters(backbone)[0]?.path ?? weights.find((path) => isReparam(at(backbone, path)));
  if (odd !== undefined)
    throw new LorikeetError(
      'unsupported',
      'shadow: the small model has weights that are no tensors',
      {
        path: odd,
        hint: 'merge its adapters first, and load it without quantising',
      },
    );
  return { backbone, projection };
}

function backboneOf(given: object): Mirrored {
  if (isMirrored(given)) return given;
  if (takesVectors(given)) return mirroredIn(given).mirrored;
  throw new LorikeetError('unsupported', 'shadow: the small model is of another kind', {
    expected: 'a model of text of GPT-2, or of a family like Llama',
  });
}

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
