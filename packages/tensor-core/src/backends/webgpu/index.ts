export type { Tiling } from './emit/kernelText.ts';
export type { AdapterFacts } from './runtime/adapterFacts.ts';
export type { MemoryPrediction } from './runtime/memoryPrediction.ts';
export type { KernelRun } from './runtime/profiler.ts';
export type { AttentionChoice } from './schedule/keepsAttention.ts';
export {
  createWebgpuBackend,
  type WebgpuBackend,
  type WebgpuOptions,
  type WebgpuStatistics,
} from './webgpuBackend.ts';
export { webgpuProvider } from './webgpuProvider.ts';
