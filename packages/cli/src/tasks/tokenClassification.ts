import { logitsOf, type ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { argmax, compile } from '@lorikeet/tensor-core';
import {
  collect,
  fromArray,
  readConll,
  restorationTags,
  type Splits,
  type TaggedSentence,
  taggedRows,
  tagRow,
  wordTags,
} from '@lorikeet/train/data';
import { fileSource, loadRestoration } from '@lorikeet/train/data/node';
import { accuracy, entityScore, fScore, type Judged, measure } from '@lorikeet/train/metrics';
import { nothingToEvaluate, padIdOf, rowBatches } from './rowBatches.ts';
import { requireFile, rowsOf, unsplit } from './sourceRows.ts';
import type { BatchPlan, Figures, Task, TaskData } from './task.ts';

/** A tag for each word. */
export const tokenClassification: Task<TaggedSentence> = {
  name: 'tagging',
  about: 'a tag for each word',
  columns: 'tokens and ner_tags (or tags), or a .conll file; or stdlib:restoration',
  head: 'token-classification',
  peftType: 'TOKEN_CLS',
  metric: { name: 'f1', isBetter: 'higher' },
  async read(source, own) {
    if (source === 'stdlib:restoration') return dataOf(await loadRestoration(), restorationTags);
    const sentences = await sentencesOf(source, own);
    const found = new Set(sentences.flatMap(({ tags }) => tags));
    const isKnown = own !== undefined && [...found].every((tag) => own.includes(tag));
    // What is no entity comes first.
    const tags = isKnown ? own : ['O', ...[...found].filter((tag) => tag !== 'O').sort()];
    return dataOf(unsplit(sentences, source), tags);
  },
};

async function sentencesOf(
  path: string,
  names: readonly string[] = [],
): Promise<readonly TaggedSentence[]> {
  if (/\.(conll|txt|bio)$/.test(path)) {
    await requireFile(path);
    return collect(readConll(fileSource(path)));
  }
  const rows = await rowsOf(path);
  const column = Object.hasOwn(rows[0]?.row ?? {}, 'tags') ? 'tags' : 'ner_tags';
  const [first] = [rows[0]?.row[column]].flat();
  const given = typeof first === 'number' ? { names } : {};
  return collect(taggedRows(fromArray(rows), { tags: column, ...given }));
}

function dataOf(
  examples: Splits<TaggedSentence>,
  tags: readonly string[],
): TaskData<TaggedSentence> {
  return {
    examples,
    classes: tags,
    open(tokenizer, maxLength) {
      const toRow = tagRow(tokenizer, { tags, maxLength });
      const options = { padId: padIdOf(tokenizer), maxLength };
      const batches = (some: readonly TaggedSentence[], plan: BatchPlan) =>
        rowBatches(some, (sentence) => [toRow(sentence).row], plan, options);
      return {
        rowCount: ({ length }) => length,
        batches,
        async evaluate(model, some, size) {
          if (some.length === 0) throw nothingToEvaluate();
          const answer = compile((inputs: ModelInputs) =>
            argmax(logitsOf(model.call(inputs, Context.evaluation))),
          );
          const judged: Judged<readonly string[]>[] = [];
          for await (const { inputs } of batches(some, { size })) {
            const found = answer(inputs); // [B, T]
            const [data, width] = [await found.data(), found.shape[1] ?? 0];
            for (let row = 0; row * width < data.length; row++) {
              const sentence = some[judged.length];
              if (sentence === undefined) break;
              const own = data.subarray(row * width, (row + 1) * width);
              const answers = wordTags(toRow(sentence), own, tags);
              judged.push({ truth: sentence.tags, answer: answers });
            }
          }
          return scoresOf(judged, tags);
        },
      };
    },
  };
}

/** Of entities where tags tell where they begin; else of the tags other than `O`, all together. */
function scoresOf(judged: readonly Judged<readonly string[]>[], tags: readonly string[]): Figures {
  if (tags.every((tag) => tag === 'O' || /^[BIES](-|$)/.test(tag))) {
    const { f1, precision, recall, accuracy: share } = measure(entityScore(), judged);
    return { accuracy: share, f1, precision, recall };
  }
  const words = judged.flatMap(({ truth, answer }) =>
    truth.map((tag, i) => ({ truth: tag, answer: answer[i] ?? 'O' })),
  );
  const labels = tags.filter((tag) => tag !== 'O');
  const { f1, precision, recall } = measure(fScore({ average: 'micro', labels }), words);
  return { accuracy: measure(accuracy, words), f1, precision, recall };
}
