import { nearestOf } from '@lorikeet/nn';
import { LorikeetError } from '@lorikeet/tensor-core';
import { languageModelling } from './languageModelling.ts';
import { questionAnswering } from './questionAnswering.ts';
import type { Task } from './task.ts';
import { textClassification } from './textClassification.ts';
import { textToText } from './textToText.ts';
import { tokenClassification } from './tokenClassification.ts';

/** Each is given only the examples that it read itself. */
export const tasks: readonly Task[] = [
  textClassification,
  tokenClassification,
  questionAnswering,
  textToText,
  languageModelling,
];

/** A task by its name. Throws `no-match`, naming all, for a name that is none's. */
export function findTask(name: string): Task {
  const found = tasks.find((task) => task.name === name);
  if (found !== undefined) return found;
  const names = tasks.map((task) => task.name);
  throw new LorikeetError('no-match', `there is no task '${name}'`, {
    expected: names.join(', '),
    received: name,
    hint: nearestOf(name, names),
  });
}
