import type { InferenceSession } from 'onnxruntime-common';

export interface SessionOptions {
  /** Threads for one operator. The runtime's own default, one for each core, if not given. */
  readonly threads?: number;
  /** Where each session writes what its operators took: the start of a file name. Nothing is written without it. */
  readonly profilePrefix?: string | undefined;
}

export function sessionOptions({
  threads,
  profilePrefix,
}: SessionOptions): InferenceSession.SessionOptions {
  return {
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    // An arena of each session keeps what its largest run took, and up to twice that; the allocator of the system is
    // as fast and gives it back.
    enableCpuMemArena: false,
    enableMemPattern: false,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // What fails is thrown, and not also written.
    logSeverityLevel: 4,
    extra: {
      // Weights stay where they are, in one copy for all programs; packed, each use of each would have its own.
      'session.disable_prepacking': '1',
      // It moves factors over products, so that the same arithmetic rounds otherwise in another program.
      'optimization.disable_specified_optimizers': 'MatMulScaleFusion',
    },
  };
}
