import { LorikeetError } from '@lorikeet/tensor-core';
import { type Entity, entitiesOf, type TagScheme } from './entities.ts';
import {
  addLabels,
  type LabelCounts,
  type SupportedScores,
  scoresOf,
  totalCount,
} from './labelCounts.ts';
import { type Judged, type Metric, nothingToMeasure } from './metric.ts';
import { ratio } from './sumMetric.ts';

interface EntityState {
  readonly types: LabelCounts;
  readonly sentences: number;
  readonly tokens: number;
  readonly rightTokens: number;
}

/** Precision, recall and F1 of all entities together; `support` counts the true ones. */
export interface EntityScore extends SupportedScores {
  /** Share of tokens whose tag is right. */
  readonly accuracy: number;
  /** Mean of the types' F1. */
  readonly macroF1: number;
  readonly types: Readonly<Record<string, SupportedScores>>;
}

/**
 * Scores of entities, each right if its type, its first and its last token are, as conlleval and seqeval count them. An
 * item is the tags of a sentence. Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 shared task" (2003).
 */
export function entityScore(
  scheme: TagScheme = 'lenient',
): Metric<Judged<readonly string[]>, EntityState, EntityScore> {
  return {
    init: { types: {}, sentences: 0, tokens: 0, rightTokens: 0 },
    add(state, sentences) {
      const found = sentences.map(({ truth, answer }, i) => {
        if (truth.length !== answer.length) {
          throw new LorikeetError(
            'invalid-argument',
            `sentence ${state.sentences + i} has not one tag for each token`,
            {
              expected: `${truth.length} tags`,
              received: `${answer.length} tags`,
            },
          );
        }
        const [truths, answers] = [entitiesOf(truth, scheme), entitiesOf(answer, scheme)];
        const wanted = new Set(truths.map(nameOf));
        const hits = answers.filter((entity) => wanted.has(nameOf(entity)));
        return { truths: truths.map(typeOf), answers: answers.map(typeOf), hits: hits.map(typeOf) };
      });
      return {
        types: addLabels(state.types, found),
        sentences: state.sentences + sentences.length,
        tokens: state.tokens + sentences.reduce((sum, { truth }) => sum + truth.length, 0),
        rightTokens:
          state.rightTokens +
          sentences.reduce(
            (sum, { truth, answer }) => sum + truth.filter((tag, i) => tag === answer[i]).length,
            0,
          ),
      };
    },
    result({ types, sentences, tokens, rightTokens }) {
      if (sentences === 0) throw nothingToMeasure();
      const each = Object.entries(types)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([type, count]) => [type, scoresOf(count)] as const);
      return {
        ...scoresOf(totalCount(Object.values(types))),
        accuracy: ratio(rightTokens, tokens),
        macroF1: ratio(
          each.reduce((sum, [, { f1 }]) => sum + f1, 0),
          each.length,
        ),
        types: Object.fromEntries(each),
      };
    },
  };
}

function typeOf({ type }: Entity): string {
  return type;
}

function nameOf({ type, start, end }: Entity): string {
  return `${start} ${end} ${type}`;
}
