export { evaluateClassifier } from './evaluateClassifier.ts';
export {
  type Batch,
  type EpochReport,
  type Fit,
  type FitOptions,
  fit,
  type StepReport,
} from './fit.ts';
export { type ClassificationMetrics, type Confusion, classificationMetrics } from './metrics.ts';
export { permutation } from './permutation.ts';
export {
  type ClassificationInputs,
  type LabelledTokens,
  type TokenBatchOptions,
  tokenBatches,
} from './tokenBatches.ts';
