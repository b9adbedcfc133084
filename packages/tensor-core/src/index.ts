export { backward } from './autograd.ts';
export type { Backend, BackendLimits, Buffer, CompositeCall, Executable } from './backend.ts';
export { type Part, type PartitionOptions, partition } from './backends/partition.ts';
export { ArrayPool } from './backends/reference/arrayPool.ts';
export { createReferenceBackend } from './backends/reference/referenceBackend.ts';
export { lastUses, runProgram } from './backends/reference/runProgram.ts';
export { WorkQueue } from './backends/workQueue.ts';
export {
  type BackendProbe,
  type BackendProvider,
  currentBackend,
  referenceProvider,
  selectBackend,
  useBackend,
} from './backends.ts';
export { batchAxes, batchAxis, batchElementwise, batchLoop, batchWith } from './batching.ts';
export { isQuantized } from './blockwise.ts';
export {
  byteLengthOf,
  byteSize,
  type DType,
  dtypes,
  isDType,
  isFloat,
  isInteger,
  isPacked,
  type TypedArray,
} from './dtype.ts';
export {
  apartOperands,
  binaryPrimitive,
  promoteOperands,
  recordBinary,
  unaryPrimitive,
} from './elementwise.ts';
export {
  type ErrorCode,
  isLorikeetError,
  LorikeetError,
  type LorikeetErrorDetails,
} from './errors.ts';
export { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from './half.ts';
export type { LossOptions, LossReduction } from './lossReduction.ts';
export { lower } from './lower.ts';
export { LruCache } from './lruCache.ts';
export { MemoryScope, memoryScope } from './memoryScope.ts';
export { namedScope } from './namedScope.ts';
export type {
  AnyOp,
  Attribute,
  Attributes,
  Batch,
  BatchArguments,
  Composite,
  Derivative,
  DerivativeArguments,
  Draw,
  NoAttributes,
  Primitive,
  Sample,
  SampleInput,
  SimplifyOperand,
  Values,
} from './op.ts';
export { operand } from './operand.ts';
export * from './ops/index.ts';
export {
  type Constant,
  formatProgram,
  type Instruction,
  type Program,
  valueTypes,
} from './program.ts';
export { ProgramCache } from './programCache.ts';
export { promote } from './promotion.ts';
export { evaluate, realize } from './realize.ts';
export { record } from './record.ts';
export type { ReductionOptions } from './reduction.ts';
export {
  broadcastShapes,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from './shape.ts';
export { packedTensor, type TensorLike, tensor } from './tensor.ts';
export { Tensor } from './tensorMethods.ts';
export { toHost } from './toHost.ts';
export { checkpoint } from './transforms/checkpoint.ts';
export { type Compiled, type CompileOptions, compile } from './transforms/compile.ts';
export { type CustomVjpArguments, customVjp } from './transforms/customVjp.ts';
export { grad, type ValueAndAux, valueAndGrad, valueAndGradWithAux } from './transforms/grad.ts';
export { jvp } from './transforms/jvp.ts';
export {
  allFinite,
  dynamicLossScaling,
  type LossScale,
  type LossScaling,
  type LossScalingOptions,
  valueAndScaledGrad,
} from './transforms/lossScaling.ts';
export { stopped, substitute } from './transforms/stopped.ts';
export { type TracedProgram, traceProgram } from './transforms/traceProgram.ts';
export { vjp } from './transforms/vjp.ts';
export { type VmapOptions, vmap } from './transforms/vmap.ts';
export {
  childrenOf,
  flattenTree,
  isTreeNode,
  mapLeaves,
  mapTensors,
  rebuild,
  type Structure,
  unflattenTree,
} from './tree.ts';
export { formatType, sameType, type TensorType } from './type.ts';
