export { type EncodeOptions, ExportedModel } from './export/exportedModel.ts';
export { type Callable, type ExportOptions, exportOnnx } from './export/exportOnnx.ts';
export type { DynamicAxes } from './export/traceModel.ts';
export { type LowerGraphOptions, lowerGraph } from './lowerGraph.ts';
export { lowerings, refusalOf } from './lowerings.ts';
export { encodeModel } from './proto/encodeModel.ts';
export { createOnnxBackend, type OnnxBackendOptions } from './runtime/onnxBackend.ts';
export type { OnnxRuntime } from './runtime/runtime.ts';
