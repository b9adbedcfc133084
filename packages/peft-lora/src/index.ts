export { trimRanks } from './adalora/trimRanks.ts';
export {
  type AdaptOptions,
  type AdaptSpec,
  adapt,
  adaptablePaths,
  train,
} from './adapt.ts';
export { AdaptedBias } from './adaptedBias.ts';
export { AdaptedWeight, AdapterSettings } from './adaptedWeight.ts';
export {
  AdapterUpdate,
  concatenate,
  type WholeUpdate,
  weightedSum,
} from './algebra/adapterUpdate.ts';
export { applyUpdate } from './algebra/applyUpdate.ts';
export type { CombinationKind, CombineOptions } from './algebra/combinationPlan.ts';
export { combineUpdates } from './algebra/combineUpdates.ts';
export { type Converted, convertToLora } from './algebra/convertToLora.ts';
export {
  type Extracted,
  type ExtractedRow,
  type ExtractOptions,
  extractUpdate,
} from './algebra/extractUpdate.ts';
export { denseOf, type LowRank, rankOf, route, svdOf } from './algebra/lowRank.ts';
export {
  type Resized,
  type ResizedRow,
  type ResizeOptions,
  resizeAdapter,
} from './algebra/resizeAdapter.ts';
export { lowRankOf, updateOf } from './algebra/updateOf.ts';
export type {
  AdapterAnalysis,
  AnalysedRow,
  AnalysedWhole,
  Drift,
} from './analysis/adapterAnalysis.ts';
export { type AnalysisOptions, analyseAdapter } from './analysis/analyseAdapter.ts';
export {
  type AdapterComparison,
  compareAdapters,
  type SimilarRow,
  type SubspaceSimilarity,
} from './analysis/compareAdapters.ts';
export { effectiveRank } from './analysis/effectiveRank.ts';
export type { IntruderOptions } from './analysis/intruders.ts';
export { spectralNorm } from './analysis/spectralNorm.ts';
export { adapterRows, mixBatch } from './batch/mixBatch.ts';
export { bitFit } from './bitFit.ts';
export { disable, setAdapterWeights } from './compose.ts';
export { type AdapterRow, type Description, describe } from './describe.ts';
export {
  type ExplainOptions,
  explain,
  type Plan,
  type PlannedRow,
  type StepMemory,
  type StepMemoryOptions,
  stepMemory,
} from './explain.ts';
export { type CordaOptions, initializeCorda } from './initialize/corda.ts';
export { type EvaOptions, initializeEva } from './initialize/eva.ts';
export { type LoftqOptions, loftq } from './initialize/loftq.ts';
export {
  type LayerImportance,
  type LoraDropChoice,
  type LoraDropOptions,
  loraDrop,
} from './initialize/loraDrop.ts';
export { initializeLoraGa, type LoraGaOptions } from './initialize/loraGa.ts';
export { type InitializeVeloraOptions, initializeVelora } from './initialize/velora.ts';
export { isTrainable, isTrainableOf } from './isTrainable.ts';
export {
  type ReadDiffusersOptions,
  readDiffusersKeys,
  writeDiffusersKeys,
} from './keys/diffusersKeys.ts';
export type { KeyedModule, KeyedParts, KeyedType } from './keys/keyedModule.ts';
export { kohyaPartOf } from './keys/kohyaPrefixes.ts';
export { type ReadKohyaOptions, readKohyaKeys } from './keys/readKohyaKeys.ts';
export { type PeftKeys, readPeftKeys } from './keys/readPeftKeys.ts';
export { writeKohyaKeys } from './keys/writeKohyaKeys.ts';
export { type WritePeftOptions, writePeftKeys } from './keys/writePeftKeys.ts';
export { type AdapterLayer, adapterLayers, adapterNames } from './layers.ts';
export { type Merged, type MergeOptions, merge } from './merge.ts';
export type { MergeForm } from './merging/mergedWeight.ts';
export type { MergedRow, MergeReport } from './merging/mergeReport.ts';
export { ModuleAdapter, moduleAdapters } from './modules/moduleAdapter.ts';
export {
  type ModuleCallArguments,
  type ModuleInitArguments,
  type ModuleMethod,
  type ModulePeftFormat,
  type ModuleTraits,
  type ModuleVariant,
  moduleMethod,
} from './modules/moduleVariant.ts';
export { adapterEntries } from './peft/adapterEntries.ts';
export { parametersByKey } from './peft/adapterTensors.ts';
export { type AdapterFiles, type DecodeOptions, decodeAdapter } from './peft/decodeAdapter.ts';
export { decodeWithoutBase } from './peft/decodeWithoutBase.ts';
export { encodeAdapter } from './peft/encodeAdapter.ts';
export type { EncodedAdapter, EncodeOptions } from './peft/encodedAdapter.ts';
export { moduleVariants, variants } from './peft/findVariant.ts';
export type { TensorSource } from './peft/matchTensors.ts';
export type { TrainMethod } from './place.ts';
export { composeCartridges } from './prompts/composeCartridges.ts';
export type { PromptParameters } from './prompts/promptParameters.ts';
export { type LayerRanges, replicateLayers } from './replicateLayers.ts';
export { applyScalings, type ScalingOptions } from './routing/applyScalings.ts';
export { applyTasks } from './routing/applyTasks.ts';
export { type ArrowOptions, ArrowRouter, arrow } from './routing/arrow.ts';
export { type ArrowSettings, readArrowConfig, writeArrowConfig } from './routing/arrowConfig.ts';
export { type GateOptions, gateAdapters, isRouter, LinearRouter } from './routing/gateAdapters.ts';
export { type InvokeOptions, invokeAdapters } from './routing/invokeAdapters.ts';
export { invokeBehindPrompt } from './routing/invokeBehindPrompt.ts';
export {
  type RouteOptions,
  routeAdapters,
  routedPlaces,
  unroute,
} from './routing/routeAdapters.ts';
export { RoutedWeight } from './routing/routedWeight.ts';
export type { RoutedPlace, Router } from './routing/router.ts';
export { xLora } from './routing/xLora.ts';
export { XLoraClassifier, type XLoraOptions } from './routing/xLoraClassifier.ts';
export {
  decodeXLora,
  type EncodeXLoraOptions,
  encodeXLora,
  type LoadedXLora,
} from './routing/xLoraFiles.ts';
export { settle } from './settle.ts';
export { type DetachedOutputs, DetachedShadow, unloadShadow } from './shadow/unloadShadow.ts';
export { type SiteShape, siteShapeOf } from './siteShape.ts';
export { type SwapOptions, swapAdapter } from './swapAdapter.ts';
export { type BiasMode, type TargetOptions, valueForPath } from './target.ts';
export { TrainedWeight } from './trainedWeight.ts';
export { type AdapterOptimizerState, adapterOptimizer } from './training/adapterOptimizer.ts';
export { adapterPenalty } from './training/adapterPenalty.ts';
export { type LoraFaOptions, loraFa } from './training/loraFa.ts';
export { type GroupOptions, type LoraPlusOptions, loraPlus } from './training/loraPlus.ts';
export { type PreconditionOptions, preconditionFactors } from './training/preconditionFactors.ts';
export { type RiemannianOptions, riemannian } from './training/riemannian.ts';
export type { SteppedPlace, StepRule, TrainedPlace } from './training/stepRule.ts';
export {
  type AdapterArguments,
  type BiasRule,
  type ConvolutionArguments,
  type FactorNames,
  type FrozenArguments,
  type InitArguments,
  type Method,
  method,
  type PeftFieldInfo,
  type PeftFormat,
  type ProductArguments,
  parseConfig,
  peftField,
  peftFieldsOf,
  type SharedTensors,
  type SharingPlace,
  type StoredForm,
  type Tensors,
  type Variant,
  type VariantTraits,
} from './variant.ts';
export * from './variants/index.ts';
