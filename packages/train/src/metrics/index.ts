export { accuracy } from './accuracy.ts';
export { type Bleu, type BleuOptions, bleu, sentenceBleu } from './bleu.ts';
export type { BleuTokenizer } from './bleuTokens.ts';
export {
  type Calibration,
  type CalibrationBin,
  type Confident,
  calibrationError,
  confident,
} from './calibrationError.ts';
export { type Chrf, type ChrfOptions, chrf } from './chrf.ts';
export {
  type ClassificationMetrics,
  type Confusion,
  classificationMetrics,
} from './classificationMetrics.ts';
export { type Entity, entitiesOf, type TagScheme } from './entities.ts';
export { type EntityScore, entityScore } from './entityScore.ts';
export { type FScore, type FScoreOptions, fScore } from './fScore.ts';
export type { LabelCount, LabelCounts, Scores, SupportedScores } from './labelCounts.ts';
export { matthews } from './matthews.ts';
export { type Judged, judge, type Metric, measure } from './metric.ts';
export { type Moments, pearson } from './pearson.ts';
export { perplexity, type TokenLoss } from './perplexity.ts';
export { porterStem } from './porterStem.ts';
export { type RougeOptions, type RougeType, rouge } from './rouge.ts';
export type { Segment, SegmentState } from './segmentMetric.ts';
export { type SequenceError, sequenceError } from './sequenceError.ts';
export { spearman } from './spearman.ts';
export { type AnsweredQuestion, type SquadScores, squad } from './squad.ts';
export { type MaybeAnsweredQuestion, type Squad2Scores, squad2 } from './squad2.ts';
export { normalizeAnswer } from './squadText.ts';
