import type { Backend, BackendLimits, Executable } from '../../backend.ts';
import { allocateArray, dtypes, type TypedArray } from '../../dtype.ts';
import { isLorikeetError, LorikeetError } from '../../errors.ts';
import type { Program } from '../../program.ts';
import { ProgramCache } from '../../programCache.ts';
import { sizeOf } from '../../shape.ts';
import { WorkQueue } from '../workQueue.ts';
import type { Tiling } from './emit/kernelText.ts';
import { type AdapterFacts, adapterFacts } from './runtime/adapterFacts.ts';
import { DeviceBuffer } from './runtime/deviceBuffer.ts';
import { DeviceProgram } from './runtime/deviceProgram.ts';
import { Gpu } from './runtime/gpu.ts';
import { MemoryLedger, type RunMemory } from './runtime/memoryLedger.ts';
import { refusePeak } from './runtime/memoryLimits.ts';
import { type MemoryPrediction, memoryPrediction } from './runtime/memoryPrediction.ts';
import { platformGpu } from './runtime/platformGpu.ts';
import type { KernelRun } from './runtime/profiler.ts';
import type { RunRecord } from './runtime/runRecord.ts';
import { toHost } from './runtime/transfer.ts';
import { type AttentionChoice, keepsAttention } from './schedule/keepsAttention.ts';

export interface WebgpuOptions {
  /** Where adapters come from. `navigator.gpu` if not given. */
  readonly gpu?: GPU;
  readonly adapter?: GPURequestAdapterOptions;
  /** Features that are not used although the adapter has them. */
  readonly without?: readonly GPUFeatureName[];
  /** How work is spread; if not given, what suits the adapter: registers on software, workgroups on hardware. */
  readonly tiling?: Tiling;
  /**
   * The most bytes of the device that the backend may take. A program that would need more is refused with
   * `out-of-memory` before anything of it runs. WebGPU does not tell how much a device has, so by default there is no limit
   * but the device's own for one buffer.
   */
  readonly maxBytes?: number;
  /** When attention runs without its matrix of weights. If not given, where that is expected to be faster. */
  readonly attention?: AttentionChoice;
  /** Takes the time of each kernel, where the adapter can: each then has a pass of its own. */
  readonly profile?: boolean;
}

export interface WebgpuStatistics {
  readonly dispatches: number;
  readonly submits: number;
  readonly pipelines: number;
  readonly liveBytes: number;
  /** The most memory of the device that was in use at a time; and what it was to be, as told before each run. */
  readonly peakBytes: number;
  readonly predictedPeakBytes: number;
  /** Memory of the device that is taken now, in use or kept for the next tensors. */
  readonly deviceBytes: number;
  /** Of the largest program: the memory for its intermediates, and the sum of their sizes. */
  readonly plannedBytes: number;
  readonly unplannedBytes: number;
}

export interface WebgpuBackend extends Backend {
  readonly adapter: AdapterFacts;
  /** What a run of a program will take at the most. */
  predict(executable: Executable): MemoryPrediction;
  statistics(): WebgpuStatistics;
  /** The texts of the kernels of a program, in order. */
  kernelsOf(executable: Executable): readonly { readonly name: string; readonly wgsl: string }[];
  /** Names of the ops of a program that run on the host, for there is no kernel for them. */
  hostOpsOf(executable: Executable): readonly string[];
  /** The kernels that have run since the last time, with their times; none without `profile` and 'timestamp-query'. */
  takeProfile(): Promise<KernelRun[]>;
  /** Gives the device back. Nothing of the backend may be used after it. */
  destroy(): void;
}

interface WebgpuExecutable extends Executable {
  readonly work: DeviceProgram;
}

/** Features that kernels or reports make use of. */
const wanted: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
const maxPrograms = 128;
/** Runs that may be under way before it is known whether they went well. */
const maxUnknownRuns = 32;

/**
 * A backend that writes WGSL for each program and runs it on a WebGPU device.
 *
 * @throws LorikeetError `backend-unavailable` where there is no adapter.
 */
export async function createWebgpuBackend(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const source = options.gpu ?? platformGpu();
  const adapter = await source?.requestAdapter(options.adapter);
  if (adapter === null || adapter === undefined)
    throw new LorikeetError('backend-unavailable', 'webgpu: there is no adapter', {
      hint: source === undefined ? 'this platform has no WebGPU' : 'see `lorikeet doctor`',
    });
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter(
      (feature) => adapter.features.has(feature) && !options.without?.includes(feature),
    ),
    requiredLimits: limitsOf(adapter),
  });
  const profile = options.profile === true && device.features.has('timestamp-query');
  const facts = adapterFacts(adapter);
  const { isSoftware } = facts;
  const gpu = new Gpu(device, { profile, maxBytes: options.maxBytes, isSoftware });
  return backendOn(gpu, facts, options);
}

/** The highest of what kernels depend on. */
function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const names = [
    'maxBufferSize',
    'maxStorageBufferBindingSize',
    'maxStorageBuffersPerShaderStage',
    'maxComputeWorkgroupStorageSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeX',
  ] as const;
  return Object.fromEntries(names.map((name) => [name, limits[name]]));
}

function backendOn(gpu: Gpu, adapter: AdapterFacts, options: WebgpuOptions): WebgpuBackend {
  const queue = new WorkQueue();
  const programs = new ProgramCache<DeviceProgram>(maxPrograms);
  const tiling = options.tiling ?? (adapter.isSoftware ? 'register' : 'workgroup');
  const { attention = 'bySize' } = options;
  const { maxStorageBuffersPerShaderStage } = gpu.device.limits;
  const unknownRuns = new Set<RunRecord>();
  const ledger = new MemoryLedger();
  const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  let liveBytes = 0;
  let [plannedBytes, unplannedBytes] = [0, 0];

  const owned = (buffer: DeviceBuffer): DeviceBuffer => {
    liveBytes += buffer.byteLength;
    return buffer;
  };

  const limits: BackendLimits = {
    dtypes,
    isNative: (call) => keepsAttention(call, attention, maxStorageBuffersPerShaderStage),
    maxBufferBytes: gpu.device.limits.maxBufferSize,
    liveBytes: () => liveBytes,
  };

  const execute = async (
    work: DeviceProgram,
    inputs: readonly DeviceBuffer[],
    outputs: readonly DeviceBuffer[],
    memory: RunMemory,
  ): Promise<void> => {
    gpu.health.checkLoss();
    await work.prepare();
    await work.run(inputs, outputs, memory);
    const run = outputs[0]?.run;
    if (run !== undefined) unknownRuns.add(run);
    if (unknownRuns.size > maxUnknownRuns) await oldestRun();
  };

  const oldestRun = async (): Promise<LorikeetError | undefined> => {
    const [oldest] = unknownRuns;
    if (oldest === undefined) return undefined;
    unknownRuns.delete(oldest);
    return await oldest.settled();
  };

  const dataOf = async (buffer: DeviceBuffer): Promise<TypedArray> => {
    if (buffer.failure !== undefined) throw buffer.failure;
    gpu.health.checkLoss();
    const [data, failure] = await Promise.all([toHost(gpu, buffer), buffer.run?.settled()]);
    if (failure?.code === 'out-of-memory') gpu.health.forgive();
    if (failure !== undefined) throw failure;
    buffer.run = undefined;
    gpu.health.check();
    return data;
  };

  return {
    name: 'webgpu',
    adapter,
    allocate: (type) =>
      owned(new DeviceBuffer(type, allocateArray(type.dtype, sizeOf(type.shape)))),
    write: (type, data) => owned(new DeviceBuffer(type, data)),
    async read(_, buffer): Promise<TypedArray> {
      const given = bufferOf(buffer);
      // In its turn: what comes behind may overwrite the memory.
      let data: Promise<TypedArray> | undefined;
      queue.add(() => {
        data = dataOf(given);
        // Whoever reads is told below.
        data.catch(() => undefined);
      }, failureOf);
      await queue.settled();
      if (data === undefined) throw new LorikeetError('internal', 'webgpu: a read was not begun');
      return await data;
    },
    compile(program: Program, constants, donated = []): WebgpuExecutable {
      const work = programs.get(program, constants, donated, () => {
        const own = constants.map(bufferOf);
        const made = new DeviceProgram(gpu, program, own, { tiling, donated });
        for (const part of made.parts) {
          if (part.unplannedBytes <= unplannedBytes) continue;
          plannedBytes = part.chunks.reduce((sum, bytes) => sum + bytes, 0);
          unplannedBytes = part.unplannedBytes;
        }
        return made;
      });
      return { program, work };
    },
    run(executable, inputs) {
      const { work } = executableOf(executable);
      const given = inputs.map(bufferOf);
      const all = [...given, ...work.constants];
      const memory = ledger.plan(work.need, all);
      if (memory.peakBytes > maxBytes)
        refusePeak(maxBytes, memory.peakBytes, ledger.usedBytes, work.sizedValues());
      const outputs = work.outputTypes.map((type) => owned(new DeviceBuffer(type)));
      ledger.enter(work.need, memory, all, outputs);
      queue.add(
        () => execute(work, given, outputs, memory),
        (error) => {
          const failure = failureOf(error);
          for (const output of outputs) {
            output.failure = failure;
            if (output.memory === undefined) ledger.free(output);
          }
          return failure;
        },
      );
      return outputs;
    },
    free(buffer) {
      liveBytes -= buffer.byteLength;
      const freed = bufferOf(buffer);
      programs.forget(freed);
      ledger.free(freed);
      // Not before those that were told to read it have done so.
      queue.add(() => {
        if (freed.memory !== undefined) gpu.memory.give(freed.memory);
        freed.memory = undefined;
        freed.host = undefined;
      }, failureOf);
    },
    async synchronize() {
      await queue.synchronize();
      let failure: LorikeetError | undefined;
      while (unknownRuns.size > 0) {
        const found = await oldestRun();
        failure ??= found;
      }
      await gpu.health.whileAlive(gpu.device.queue.onSubmittedWorkDone());
      gpu.health.check();
      if (failure !== undefined) throw failure;
    },
    limits: () => limits,
    statistics: () => ({
      ...gpu.counts,
      pipelines: gpu.pipelines.size,
      liveBytes,
      peakBytes: gpu.memory.peakBytes,
      predictedPeakBytes: ledger.peakBytes,
      deviceBytes: gpu.memory.bytes,
      plannedBytes,
      unplannedBytes,
    }),
    predict: (executable) => memoryPrediction(executableOf(executable).work),
    kernelsOf: (executable) =>
      executableOf(executable).work.parts.flatMap(({ kernels }) => kernels),
    hostOpsOf: (executable) => executableOf(executable).work.hostOps,
    takeProfile: async () => (await gpu.profiler?.take()) ?? [],
    destroy: () => gpu.destroy(),
  };
}

function failureOf(error: unknown): LorikeetError {
  if (isLorikeetError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof RangeError ? 'out-of-memory' : 'backend-failed';
  return new LorikeetError(code, `webgpu: ${message}`, { cause: error });
}

function bufferOf(buffer: object): DeviceBuffer {
  if (buffer instanceof DeviceBuffer) return buffer;
  throw new LorikeetError(
    'internal',
    'a buffer of another backend was given to the webgpu backend',
  );
}

function executableOf(executable: Executable): WebgpuExecutable {
  if ('work' in executable) return executable as WebgpuExecutable;
  throw new LorikeetError('internal', 'an executable of another backend was given to webgpu');
}
