export type { Checkpoint, CheckpointStore } from './checkpoints.ts';
export { permutation } from './data/permutation.ts';
export {
  type ClassificationInputs,
  type LabelledTokens,
  type TokenBatchOptions,
  tokenBatches,
} from './data/tokenBatches.ts';
export { evaluateClassifier } from './evaluateClassifier.ts';
export { fit } from './fit.ts';
export type {
  Batch,
  Batches,
  Evaluation,
  Fit,
  FitCallbacks,
  FitOptions,
  FitStart,
  StepReport,
} from './fitOptions.ts';
export {
  type ClassificationMetrics,
  type Confusion,
  classificationMetrics,
} from './metrics/classificationMetrics.ts';
export type { Monitor } from './monitor.ts';
export { type WordVectorOptions, wordVectors } from './wordVectors.ts';
