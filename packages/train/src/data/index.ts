export { type BatchOptions, batch } from './batch.ts';
export { type BucketOptions, bucketByLength } from './bucketByLength.ts';
export { chain } from './chain.ts';
export { type Collated, type CollateOptions, collate, type TokenRow } from './collate.ts';
export { conllTags, readConll, type TaggedSentence, toIob2 } from './corpora/conll.ts';
export { conversationOf, type Message } from './corpora/conversation.ts';
export { type Described, parseMeaning, readE2e, type Slot } from './corpora/e2e.ts';
export {
  type GlueScore,
  glueExample,
  glueScore,
  readGlue,
  type TextExample,
} from './corpora/glue.ts';
export { type GlueLayout, type GlueTask, glueTasks } from './corpora/glueTasks.ts';
export { labelOf } from './corpora/label.ts';
export { readSgm, type SgmSegment } from './corpora/sgm.ts';
export { type AnswerSpan, type SquadExample, squadExamples } from './corpora/squadExamples.ts';
export { type TagColumns, taggedRows } from './corpora/taggedRows.ts';
export { classesOf, type TextColumns, textExamples } from './corpora/textExamples.ts';
export {
  readPairs,
  readSgmPairs,
  type TextPair,
  translationPairs,
} from './corpora/translation.ts';
export { collect, type Dataset, dataset, type Entry, type Position } from './dataset.ts';
export type { BadRowOptions } from './files/badRow.ts';
export { type ByteSource, textSource } from './files/byteSource.ts';
export { type HubConfig, hubConfigs } from './files/hubCard.ts';
export { type DelimitedOptions, readDelimited, readTsv } from './files/readDelimited.ts';
export { readJson, readJsonArray } from './files/readJson.ts';
export { readJsonLines } from './files/readJsonLines.ts';
export { type Line, readLines } from './files/readLines.ts';
export { type ParquetOptions, type RandomAccessSource, readParquet } from './files/readParquet.ts';
export { type PlacedRow, type Row, type RowPlace, textOf } from './files/row.ts';
export { filter } from './filter.ts';
export { flatMap } from './flatMap.ts';
export { fromArray } from './fromArray.ts';
export { inBlocks } from './inBlocks.ts';
export { interleave } from './interleave.ts';
export { map } from './map.ts';
export { type PackedRow, type PackOptions, pack } from './pack.ts';
export { permutation } from './permutation.ts';
export {
  type AnswerRow,
  type ChatRowOptions,
  type ChatTokenizer,
  chatRow,
  type PromptRowOptions,
  promptRow,
} from './preprocess/answerRow.ts';
export { corruptSpans, type SpanOptions, type SpanRow } from './preprocess/corruptSpans.ts';
export { type KeptRow, maskedOnly } from './preprocess/maskedOnly.ts';
export { type MaskedRow, type MaskOptions, maskTokens } from './preprocess/maskTokens.ts';
export { type PairOptions, pairRow } from './preprocess/pairRow.ts';
export {
  type AnswerOptions,
  type Candidate,
  type ScoredFeature,
  type SquadAnswer,
  squadAnswer,
} from './preprocess/squadAnswers.ts';
export { type SquadFeature, type SquadOptions, squadFeatures } from './preprocess/squadFeatures.ts';
export { type TagOptions, type TagRow, tagRow, wordTags } from './preprocess/tagRow.ts';
export { type TextRow, textRow } from './preprocess/textRow.ts';
export type { TextEncoding, TextTokenizer } from './preprocess/textTokenizer.ts';
export { type ShuffleOptions, shuffle, shuffleBlocks } from './shuffle.ts';
export { skip } from './skip.ts';
export { type MailQuestionsOptions, mailQuestions } from './stdlib/mailQuestions.ts';
export {
  type Pronunciation,
  type PronunciationOptions,
  pronunciationTask,
} from './stdlib/pronunciationTask.ts';
export {
  type RestorationOptions,
  restorationTags,
  restorationTask,
} from './stdlib/restorationTask.ts';
export { type ReadMail, type SpamOptions, spamTask } from './stdlib/spamTask.ts';
export { type SplitOptions, type Splits, splitByGroup } from './stdlib/splitByGroup.ts';
export { take } from './take.ts';
export {
  type ClassificationInputs,
  type LabelledTokens,
  type TokenBatchOptions,
  tokenBatches,
} from './tokenBatches.ts';
export { zip } from './zip.ts';
