import { combine, type Place, partition } from '@lorikeet/nn';
import {
  byteLengthOf,
  currentBackend,
  flattenTree,
  isLorikeetError,
  type Tensor,
  traceProgram,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { safetensorsHeader } from '@lorikeet/tensor-core/safetensors';
import { type AdaptOptions, type AdaptSpec, adapt } from './adapt.ts';
import { AdaptedWeight } from './adaptedWeight.ts';
import { type AdapterRow, describe } from './describe.ts';
import { distinctTensors } from './distinctTensors.ts';
import { formatTable } from './formatTable.ts';
import { isTrainable } from './isTrainable.ts';
import { adapterLayers } from './layers.ts';
import { peakBytes } from './peakBytes.ts';
import { storedDTypeOf } from './peft/adapterEntries.ts';
import { encodeAdapter } from './peft/encodeAdapter.ts';

export interface ExplainOptions<T> extends Pick<AdaptOptions, 'layerReplication'> {
  /** The loss of a step, to tell what its intermediate results take. It is recorded, not computed. */
  readonly loss?: (model: T) => Tensor;
  /** Tensors that the optimiser keeps for each parameter. Defaults to 2, as Adam. */
  readonly optimizerSlots?: number;
}

export interface PlannedRow extends AdapterRow {
  /** What kind of weight it is: `linear`, `embedding`, ...; `whole` for what trains whole, `module` for what changes no weight. */
  readonly kind: string;
  /** The highest rank that the change of the weight can have; `null` if it is not bounded. */
  readonly rank: number | null;
}

/** What a step of training takes, in bytes. */
export interface StepMemory {
  /** Of the model, adapters included. */
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** The most that intermediate results take at a time on the reference backend; `null` without a loss. */
  readonly intermediates: number | null;
}

export interface Plan {
  readonly rows: readonly PlannedRow[];
  readonly trainable: number;
  readonly total: number;
  /** Of what trains. */
  readonly bytes: number;
  /** Of `adapter_model.safetensors`; `null` for what PEFT's files cannot hold. */
  readonly fileBytes: number | null;
  readonly step: StepMemory;
  /** A table for people. */
  toString(): string;
}

/**
 * What `adapt` would do, before anything is made: the modules that are matched, shapes, ranks, counts, the size of the file
 * and the memory of a step. Nothing is computed.
 *
 * @throws LorikeetError as `adapt` does: `no-match`, with the nearest names, for anything in a selector that matches nothing.
 */
export function explain<T>(model: T, spec: AdaptSpec, options: ExplainOptions<T> = {}): Plan {
  const { loss, optimizerSlots = 2, layerReplication } = options;
  const replication = layerReplication === undefined ? {} : { layerReplication };
  // First values are recorded only.
  const tuned = adapt(model, spec, replication);
  const { rows, trainable, total } = describe(tuned);
  const layers = adapterLayers(tuned);
  const planned = rows.map((row, i): PlannedRow => {
    const layer = layers[i]?.layer;
    if (layer === undefined) return { ...row, kind: 'module', rank: null };
    if (!(layer instanceof AdaptedWeight)) return { ...row, kind: 'whole', rank: null };
    const { variant, config, site } = layer.settings;
    return { ...row, kind: site.kind, rank: variant.traits.maxRank(config) ?? null };
  });
  const step = stepMemory(tuned, { optimizerSlots, ...(loss === undefined ? {} : { loss }) });
  const bytes = step.gradients;
  const plan = { rows: planned, trainable, total, bytes, fileBytes: fileBytesOf(tuned), step };
  return { ...plan, toString: () => format(plan) };
}

export interface StepMemoryOptions<T> extends Pick<ExplainOptions<T>, 'loss' | 'optimizerSlots'> {
  /** Which tensors train. Defaults to those of adapters: `isTrainable`. */
  readonly trainable?: (leaf: Tensor, place: Place) => boolean;
}

/** What a step of training a model takes, adapted or not. Nothing is computed. */
export function stepMemory<T>(
  model: T,
  { loss, optimizerSlots = 2, trainable = isTrainable }: StepMemoryOptions<T> = {},
): StepMemory {
  const [live, frozen] = partition(model, trainable);
  const bytes = bytesOf(live);
  return {
    weights: bytes + bytesOf(frozen),
    gradients: bytes,
    optimizer: optimizerSlots * bytes,
    intermediates: loss === undefined ? null : intermediatesOf([live, frozen], loss),
  };
}

function bytesOf(tree: unknown): number {
  return distinctTensors(tree).reduce((sum, { dtype, size }) => sum + byteLengthOf(dtype, size), 0);
}

function fileBytesOf(tuned: unknown): number | null {
  try {
    const specs = [...encodeAdapter(tuned).tensors].map(
      ([key, leaf]) => [key, { dtype: storedDTypeOf(leaf), shape: leaf.shape }] as const,
    );
    return safetensorsHeader(specs, [['format', 'pt']]).byteLength;
  } catch (error) {
    if (isLorikeetError(error, 'unsupported')) return null;
    throw error;
  }
}

/** Of the loss and its gradient, recorded with placeholders for what trains. */
function intermediatesOf<T>(
  [live, frozen]: ReturnType<typeof partition<T>>,
  loss: (model: T) => Tensor,
): number {
  const { leaves, structure } = flattenTree([live]);
  const { program } = traceProgram(
    (part: typeof live) => valueAndGrad((own: typeof live) => loss(combine(own, frozen)))(part),
    leaves.map(({ type }) => type),
    structure,
    currentBackend().limits().isNative,
  );
  return peakBytes(program);
}

function format({ rows, trainable, total, fileBytes, step }: Omit<Plan, 'toString'>): string {
  const cells = rows.map((row) => [
    row.path,
    row.method,
    row.kind,
    `[${row.shape.join(',')}]`,
    row.rank === null ? '-' : String(row.rank),
    String(row.parameters),
    String(row.bytes),
  ]);
  const share = total === 0 ? 0 : (100 * trainable) / total;
  const parts = [
    ['weights', step.weights],
    ['gradients', step.gradients],
    ['optimiser', step.optimizer],
    ['intermediates', step.intermediates],
  ] as const;
  return [
    formatTable(
      [['weight', 'method', 'kind', 'shape', 'rank', 'parameters', 'bytes'], ...cells],
      4,
    ),
    `${trainable} of ${total} parameters train (${share.toFixed(4)} %)`,
    `file: ${fileBytes === null ? 'not in the format of PEFT' : `${fileBytes} bytes`}`,
    `a step: ${parts.flatMap(([name, size]) => (size === null ? [] : [`${name} ${size}`])).join(', ')} bytes`,
  ].join('\n');
}
