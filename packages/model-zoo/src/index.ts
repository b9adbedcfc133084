export * from './families/index.ts';
export type { Architecture, ModelFamily } from './family.ts';
export { defineFamily } from './family.ts';
export { families } from './findFamily.ts';
export {
  type GenerationConfig,
  generationSchema,
  readGenerationConfig,
} from './generation/config.ts';
export { type Generated, generate, type StreamedToken, stream } from './generation/generate.ts';
export type { Prompt } from './generation/prompt.ts';
export type { GenerateOptions } from './generation/settings.ts';
export { type HeadName, headOf } from './heads/headNames.ts';
export { initModel } from './initModel.ts';
export { type LoadOptions, loadModel } from './loadModel.ts';
export {
  logitsOf,
  lossOf,
  type Model,
  type ModelInputs,
  type ModelOutputs,
  type TokenInputs,
} from './model.ts';
export { ProjectedModel } from './projected/projectedModel.ts';
