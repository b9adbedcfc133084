import {
  at,
  isMirrored,
  isProjected,
  isReparam,
  type Mirrored,
  type Projected,
  takesVectors,
} from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { moduleAdapters } from '../modules/moduleAdapter.ts';
import { modelPaths } from '../rewrite.ts';
import { mirroredIn } from './mirroredIn.ts';

/**
 * The small model in what is given as one: a shadow alone, a projected one, or a model, whose head is left.
 *
 * @throws LorikeetError `unsupported` for a model of another kind, for one with adapters or quantised weights,
 *   and for a projection with a bias.
 */
export function pretrainedShadow(given: object): Projected {
  const { backbone, projection } = isProjected(given)
    ? given
    : { backbone: backboneOf(given), projection: null };
  const small = { backbone, projection };
  const { weights } = modelPaths(small);
  const odd = moduleAdapters(small)[0]?.path ?? weights.find((path) => isReparam(at(small, path)));
  if (odd !== undefined)
    throw new LorikeetError('unsupported', 'shadow: the small model has more than plain weights', {
      path: odd,
      hint: 'merge its adapters first, and load it without quantising',
    });
  if (projection !== null && projection.bias !== null)
    throw new LorikeetError('unsupported', 'shadow: the projection of the small model has a bias', {
      expected: 'a weight alone, as in the files of PEFT',
    });
  return small;
}

function backboneOf(given: object): Mirrored {
  if (isMirrored(given)) return given;
  if (takesVectors(given)) return mirroredIn(given).mirrored;
  throw new LorikeetError('unsupported', 'shadow: the small model is of another kind', {
    expected: 'a model of text of GPT-2, or of a family like Llama',
  });
}
