export { adapterLaws, singleAdapterLaws } from './adapter/adapterLaws.ts';
export { requireClose, requireSame } from './closeness.ts';
export { describeLaws, type TestRunner } from './describeLaws.ts';
export { fastCheckDraw } from './fastCheckDraw.ts';
export { type Law, type LawOptions, LawViolation, law } from './law.ts';
export type { LawInputs, LawModel, LawOutputs } from './model/lawModel.ts';
export type { ModelSource } from './model/modelCase.ts';
export { type ModelLawOptions, modelLaws } from './model/modelLaws.ts';
export type { CallableModule, ModuleSource } from './module/moduleCase.ts';
export { type ModuleLawOptions, moduleLaws } from './module/moduleLaws.ts';
export { moduleAdapterLaws, singleModuleAdapterLaws } from './moduleAdapter/moduleAdapterLaws.ts';
export { noise } from './noise.ts';
export {
  type NumericalDerivative,
  numericalDerivative,
  requireDerivative,
} from './numericalDerivative.ts';
export { everyOp } from './op/everyOp.ts';
export { type OpLawOptions, opLaws } from './op/opLaws.ts';
export { type OptimizerLawOptions, optimizerLaws } from './optimizer/optimizerLaws.ts';
export { type ProgramLawOptions, programLaws } from './program/programLaws.ts';
export { treeArbitrary } from './tree/treeArbitrary.ts';
export { treeLaws } from './tree/treeLaws.ts';
