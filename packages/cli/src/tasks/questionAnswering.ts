import type { Model, ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { compile, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import {
  collect,
  fromArray,
  type ScoredFeature,
  type Splits,
  type SquadExample,
  type SquadFeature,
  squadAnswer,
  squadExamples,
  squadFeatures,
} from '@lorikeet/train/data';
import { loadMailQuestions } from '@lorikeet/train/data/node';
import { measure, squad, squad2 } from '@lorikeet/train/metrics';
import { nothingToEvaluate, padIdOf, rowBatches } from './rowBatches.ts';
import { rowsOf, unsplit } from './sourceRows.ts';
import type { BatchPlan, Figures, Task, TaskData } from './task.ts';

/** The part of a text that answers a question. */
export const questionAnswering: Task<SquadExample> = {
  name: 'question-answering',
  about: 'the part of a text that answers a question',
  columns: "SQuAD's own files, or id, question, context and answers; or stdlib:mail-questions",
  head: 'question-answering',
  peftType: 'QUESTION_ANS',
  metric: { name: 'f1', isBetter: 'higher' },
  async read(source) {
    if (source === 'stdlib:mail-questions') return dataOf(await loadMailQuestions());
    const examples = await collect(squadExamples(fromArray(await rowsOf(source))));
    return dataOf(unsplit(examples, source));
  },
};

function dataOf(examples: Splits<SquadExample>): TaskData<SquadExample> {
  return {
    examples,
    open(tokenizer, maxLength) {
      const stride = Math.floor(maxLength / 3);
      const toFeatures = squadFeatures(tokenizer, { maxLength, stride, maxQuestionLength: stride });
      const options = { padId: padIdOf(tokenizer), maxLength };
      return {
        rowCount: (some) => some.flatMap(toFeatures).length,
        batches: (some, plan) =>
          rowBatches(some, (example) => toFeatures(example).map(({ row }) => row), plan, options),
        async evaluate(model, some, size) {
          if (some.length === 0) throw nothingToEvaluate();
          const features = some.flatMap(toFeatures);
          const batches = (plan: BatchPlan) =>
            rowBatches(features, ({ row }) => [row], plan, options);
          const scored = await scoresOf(model, features, batches({ size }));
          const answers = some.map((example) => {
            const windows = scored.filter(({ feature }) => feature.id === example.id);
            const nullThreshold = some.some(hasNoAnswer) ? { nullThreshold: 0 } : {};
            return { example, ...squadAnswer(example, windows, nullThreshold) };
          });
          return figuresOf(answers);
        },
      };
    },
  };
}

type Window = ScoredFeature & { readonly feature: SquadFeature };

/** The scores of the tokens of all windows, in their order. */
async function scoresOf(
  model: Model,
  features: readonly SquadFeature[],
  batches: AsyncIterable<{ readonly inputs: ModelInputs }>,
): Promise<readonly Window[]> {
  const score = compile((inputs: ModelInputs): { starts: Tensor; ends: Tensor } => {
    const { start_positions: _, end_positions: __, ...texts } = inputs;
    const { start_logits: starts, end_logits: ends } = model.call(texts, Context.evaluation);
    if (starts !== undefined && ends !== undefined) return { starts, ends };
    throw new LorikeetError('invalid-argument', 'the model tells no start and end of an answer');
  });
  const windows: Window[] = [];
  for await (const { inputs } of batches) {
    const { starts, ends } = score(inputs); // [B, T] each
    const width = starts.shape[1] ?? 0;
    const [first, last] = await Promise.all([starts.data(), ends.data()]);
    for (let row = 0; row * width < first.length; row++) {
      const feature = features[windows.length];
      if (feature === undefined) break;
      const part: readonly [number, number] = [row * width, (row + 1) * width];
      windows.push({ feature, starts: first.subarray(...part), ends: last.subarray(...part) });
    }
  }
  return windows;
}

function hasNoAnswer({ answers }: SquadExample): boolean {
  return answers.length === 0;
}

interface Answered {
  readonly example: SquadExample;
  readonly answer: string;
  readonly noAnswerProbability: number;
}

function figuresOf(answered: readonly Answered[]): Figures {
  const items = answered.map(({ example: { answers }, answer, noAnswerProbability }) => ({
    answer,
    noAnswerProbability,
    references: answers.map(({ text }) => text),
  }));
  if (answered.some(({ example }) => hasNoAnswer(example))) {
    const { exactMatch, f1 } = measure(squad2(), items);
    return { exact_match: exactMatch, f1 };
  }
  const { exactMatch, f1 } = measure(squad, items);
  return { exact_match: exactMatch, f1 };
}
