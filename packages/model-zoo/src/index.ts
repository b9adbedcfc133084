export * from './families/index.ts';
export type { Architecture, ModelFamily } from './family.ts';
export { defineFamily } from './family.ts';
export { families } from './findFamily.ts';
export { generateGreedy, type Prompt } from './generateGreedy.ts';
export type { HeadName } from './heads/headNames.ts';
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
