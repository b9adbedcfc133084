export { activation } from './activation.ts';
export { type AttentionSite, isOpenAttention, type OpenAttention } from './attentionSite.ts';
export { Context } from './context.ts';
export { FourBit, type FourBitOptions } from './fourBit.ts';
export type { FourBitType } from './fourBitCodes.ts';
export { mergeHeads, splitHeads } from './heads.ts';
export {
  type Initializer,
  kaimingUniform,
  normalInitializer,
  xavierUniform,
} from './initialize.ts';
export {
  type InputSite,
  isMirrored,
  type Mirrored,
  type MirrorSizes,
  siteWithin,
  type TakesVectors,
  takesVectors,
} from './inputSite.ts';
export { afterPast, type KeyValues, type Past } from './keyValues.ts';
export { alibiBias, alibiSlopes } from './layers/alibi.ts';
export { BatchNorm, type BatchNormOptions } from './layers/batchNorm.ts';
export { type CappedAttentionOptions, cappedAttention, softCap } from './layers/cappedAttention.ts';
export { Conv1D } from './layers/conv1D.ts';
export { Convolution, type ConvolutionOptions } from './layers/convolution.ts';
export { Conv1d, type Conv1dOptions } from './layers/convolution1d.ts';
export { Conv2d, type Conv2dOptions } from './layers/convolution2d.ts';
export { Dropout } from './layers/dropout.ts';
export { Embedding, type EmbeddingOptions } from './layers/embedding.ts';
export { ExpertLinear, type ExpertLinearOptions } from './layers/expertLinear.ts';
export { GatedMLP, type GatedMlpOptions } from './layers/gatedMlp.ts';
export { GroupNorm } from './layers/groupNorm.ts';
export { LayerNorm } from './layers/layerNorm.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { MLP, type MlpOptions } from './layers/mlp.ts';
export {
  type AttentionInputs,
  type MultiHeadOptions,
  multiHeadAttention,
} from './layers/multiHeadAttention.ts';
export {
  RelativePositionBias,
  type RelativePositionOptions,
  relativeBucket,
} from './layers/relativePositionBias.ts';
export { relativePositions } from './layers/relativePositions.ts';
export { RMSNorm } from './layers/rmsNorm.ts';
export { applyRotary, type RotaryPairs, type Rotation, rotation } from './layers/rotary.ts';
export {
  type RotaryConfig,
  type RotaryFrequencies,
  rotaryFrequencies,
} from './layers/rotaryFrequencies.ts';
export type {
  Llama3Scaling,
  LongRopeScaling,
  RotaryScaling,
  RotaryStretch,
  YarnScaling,
} from './layers/rotaryScaling.ts';
export { sinusoidalPositions } from './layers/sinusoidalPositions.ts';
export { nearestOf } from './nearest.ts';
export { type AdafactorOptions, adafactor, relativeStep } from './optimizers/adafactor.ts';
export { type AdagradOptions, adagrad } from './optimizers/adagrad.ts';
export { type AdamOptions, adam, adamw } from './optimizers/adam.ts';
export { type Adam8BitState, adamw8bit, scaleByAdam8bit } from './optimizers/adam8bit.ts';
export { applyIfFinite, type FiniteState } from './optimizers/applyIfFinite.ts';
export { chain } from './optimizers/chain.ts';
export { clipByGlobalNorm, clipByValue, globalNorm } from './optimizers/clip.ts';
export { type Ema, type EmaOptions, type EmaState, ema } from './optimizers/ema.ts';
export { type ParameterGroup, parameterGroups } from './optimizers/groups.ts';
export { type LearningRate, scaleByLearningRate } from './optimizers/learningRate.ts';
export { type LionOptions, lion } from './optimizers/lion.ts';
export { momentum } from './optimizers/momentum.ts';
export { applyUpdates, type Optimizer, stateless, type Update } from './optimizers/optimizer.ts';
export { type RmspropOptions, rmsprop } from './optimizers/rmsprop.ts';
export { clipByRms, scaleByParameterRms } from './optimizers/rootMeanSquare.ts';
export { type AdamMoments, type AdamState, scaleByAdam } from './optimizers/scaleByAdam.ts';
export {
  type FactoredRmsOptions,
  type FactoredRmsState,
  scaleByFactoredRms,
} from './optimizers/scaleByFactoredRms.ts';
export { type LionMoments, scaleByLion } from './optimizers/scaleByLion.ts';
export { type RmsOptions, type RmsState, scaleByRms } from './optimizers/scaleByRms.ts';
export { type RssOptions, scaleByRss } from './optimizers/scaleByRss.ts';
export { setToZero } from './optimizers/setToZero.ts';
export { type SgdOptions, sgd } from './optimizers/sgd.ts';
export { addWeightDecay } from './optimizers/weightDecay.ts';
export { isProjected, type Projected } from './projected.ts';
export { Quantized } from './quantized.ts';
export { type QuantizeSpec, quantizeWeights } from './quantizeWeights.ts';
export { constantSchedule } from './schedules/constantSchedule.ts';
export {
  type CosineRestartsOptions,
  cosineRestartsSchedule,
} from './schedules/cosineRestartsSchedule.ts';
export { type CosineOptions, cosineSchedule } from './schedules/cosineSchedule.ts';
export { type InverseSqrtOptions, inverseSqrtSchedule } from './schedules/inverseSqrtSchedule.ts';
export { linearSchedule } from './schedules/linearSchedule.ts';
export { type PolynomialOptions, polynomialSchedule } from './schedules/polynomialSchedule.ts';
export type { DecayOptions, Schedule, WarmupOptions } from './schedules/schedule.ts';
export {
  type Ramp,
  type WarmupStableDecayOptions,
  warmupStableDecaySchedule,
} from './schedules/warmupStableDecaySchedule.ts';
export { matcher, selectPaths } from './select.ts';
export { Shared, SharedGroup } from './shared.ts';
export { type Sight, sightOf } from './sight.ts';
export { type Adaptable, isAdaptable, type Site } from './site.ts';
export { type TiesWeights, tiedPart, tiedPaths, tiesWeights } from './tied.ts';
export {
  at,
  combine,
  countParameters,
  mapTree,
  nodePaths,
  type Part,
  type Place,
  partition,
  paths,
  replaceAt,
  visitTensors,
  zipTrees,
} from './tree.ts';
export {
  baseOf,
  biasOf,
  contract,
  contractExperts,
  convolve,
  gather,
  isReparam,
  materialize,
  type Reparam,
  type Weight,
  type WeightUse,
} from './weight.ts';
