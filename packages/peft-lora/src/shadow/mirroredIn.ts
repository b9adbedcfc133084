import { at, isMirrored, type Mirrored } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { modelOf } from '../prompts/promptInputs.ts';

/** The model within a model that has the blocks, with their path. */
export function mirroredIn(model: object): {
  readonly blocks: string;
  readonly mirrored: Mirrored;
} {
  const { blocks } = modelOf(model).inputSite;
  if (blocks !== undefined) {
    const holder = at(model, blocks.split('.').slice(0, -1).join('.'));
    if (isMirrored(holder)) return { blocks, mirrored: holder };
  }
  throw new LorikeetError('unsupported', 'shadow: the model does not tell its blocks', {
    expected: 'a model of text of GPT-2, or of a family like Llama',
  });
}
