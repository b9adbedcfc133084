import {
  type ArrayPool,
  byteLengthOf,
  type Part,
  type Program,
  sizeOf,
  type TensorType,
  type TypedArray,
} from '@lorikeet/tensor-core';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { lowerGraph } from '../lowerGraph.ts';
import { opset } from '../opset.ts';
import { storedAs } from '../proto/elementType.ts';
import { encodeModel } from '../proto/encodeModel.ts';
import type { ModelProto } from '../proto/model.ts';
import { beforeReshapes } from './beforeReshapes.ts';
import { runToMark, withMark } from './endMark.ts';
import { fromRuntime, toRuntime } from './hostTensor.ts';
import type { LiveValues } from './liveValues.ts';
import type { OnnxBuffer } from './onnxBuffer.ts';
import { withPacking } from './packing.ts';
import type { OnnxRuntime, Session } from './runtime.ts';

/** A part of a program as a session of the runtime. */
export class GraphPart {
  readonly #part: Part;
  /** The types in which results are written, by their places. */
  readonly #written: readonly TensorType[];
  readonly #runtime: OnnxRuntime;
  #model: ModelProto | undefined;
  #session: Session | undefined;
  #isMarked = false;
  /** Of the inputs that are constants of the whole program, the same at each run. */
  readonly #constants = new Map<number, Tensor>();

  /** @throws LorikeetError `unsupported` for a call that no operator serves. */
  constructor(part: Part, runtime: OnnxRuntime) {
    const { program, types } = beforeReshapes(part.program);
    this.#part = part;
    this.#written = types;
    this.#runtime = runtime;
    const model = modelOf({ ...part, program });
    // Where all results are empty there is nothing to run.
    this.#model = model.graph.outputs.length > 0 ? model : undefined;
  }

  /**
   * @param constants of the whole program.
   * @param inputCount of the whole program, behind which its constants are numbered.
   */
  async prepare(
    constants: readonly OnnxBuffer[],
    inputCount: number,
    options: InferenceSession.SessionOptions,
  ): Promise<void> {
    if (this.#model === undefined) return;
    for (const value of this.#part.inputs) {
      const constant = constants[value - inputCount];
      if (constant !== undefined && sizeOf(constant.type.shape) > 0)
        this.#constants.set(value, toRuntime(this.#runtime, constant.type, constant.data));
    }
    // A constant may be there under several types: its bytes are given once.
    const locations = this.#model.graph.initializers.flatMap(({ data }) =>
      data instanceof Uint8Array ? [] : [data.location],
    );
    const externalData = [...new Set(locations)].map((path) => ({
      path,
      data: bytesOf((constants[Number(path)] as OnnxBuffer).data),
    }));
    const { graph, ...rest } = this.#model;
    this.#isMarked = (await this.#runtime.stopsAtMark?.()) === true;
    const bytes = encodeModel({ ...rest, graph: this.#isMarked ? withMark(graph) : graph });
    const own = withPacking(options, graph);
    this.#session = await this.#runtime.InferenceSession.create(bytes, { ...own, externalData });
    this.#model = undefined;
  }

  /** @param targets of results that are written over their first operand. */
  async run(
    values: LiveValues,
    types: readonly TensorType[],
    pool: ArrayPool,
    targets: ReadonlyMap<number, TypedArray>,
  ): Promise<void> {
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    this.#part.inputs.forEach((value, i) => {
      const type = types[value] as TensorType;
      if (sizeOf(type.shape) > 0)
        feeds[`input${i}`] =
          this.#constants.get(value) ?? toRuntime(this.#runtime, type, values.get(value));
    });
    this.#part.outputs.forEach((value, i) => {
      const type = this.#written[i] as TensorType;
      const data = targets.get(value) ?? pool.take(type.dtype, sizeOf(type.shape));
      values.set(value, data);
      if (data.length > 0) fetches[`output${i}`] = toRuntime(this.#runtime, type, data);
    });
    if (this.#session !== undefined && this.#isMarked)
      await runToMark(this.#session, feeds, fetches);
    else await this.#session?.run(feeds, fetches);
    this.#part.outputs.forEach((value, i) => {
      const written = fetches[`output${i}`];
      if (written !== undefined)
        fromRuntime(this.#written[i] as TensorType, written, values.get(value));
    });
  }

  endProfiling(): void {
    this.#session?.endProfiling();
  }
}

function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Constants are named by their place in the whole program, and given when the session is made. */
function modelOf({ program, constants }: Part): ModelProto {
  const graph = lowerGraph(program, {
    inputName: (i) => `input${i}`,
    outputName: (i) => `output${i}`,
    constant(i) {
      const { dtype, shape } = (program.constants[i] as Program['constants'][number]).type;
      const length = byteLengthOf(dtype, sizeOf(shape));
      const data = { location: String(constants[i]), offset: 0, length };
      return { elementType: storedAs[dtype], dims: shape, data };
    },
  });
  // ONNX Runtime walks back from the results and takes the later of two operands first. Listed backwards, nodes run in
  // the order of the program, which computes late what is needed late; so less is in memory at a time.
  return { opset, graph: { ...graph, nodes: graph.nodes.toReversed() }, metadata: {} };
}
