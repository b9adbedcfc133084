import { byteLengthOf, LorikeetError, sizeOf, type TracedProgram } from '@lorikeet/tensor-core';
import { opset } from '../opset.ts';
import { encodeModel } from '../proto/encodeModel.ts';
import type { GraphProto, TensorProto, ValueInfoProto } from '../proto/model.ts';

export interface EncodeOptions {
  /** Name of a file beside the model that holds its weights: the content of `weights()`. Without it the model holds them. */
  readonly externalData?: string;
}

/** Weights in a file of their own start at multiples of this, so that they can be mapped. */
const alignment = 64;

type Traced = TracedProgram['program'];

/** A model that was lowered for a file. Its weights are still where they were. */
export class ExportedModel {
  readonly #program: Traced;
  readonly #graph: GraphProto;

  constructor(program: Traced, graph: GraphProto) {
    this.#program = program;
    this.#graph = graph;
  }

  get inputs(): readonly ValueInfoProto[] {
    return this.#graph.inputs;
  }

  get outputs(): readonly ValueInfoProto[] {
    return this.#graph.outputs;
  }

  /** Bytes of all weights. */
  get weightBytes(): number {
    return this.#layout().end;
  }

  /** The bytes of the `.onnx` file. */
  async encode({ externalData }: EncodeOptions = {}): Promise<Uint8Array> {
    const { places } = this.#layout();
    const initializers: TensorProto[] = [];
    for (const tensor of this.#graph.initializers) {
      const place = places.get(tensor);
      if (place === undefined) initializers.push(tensor);
      else if (externalData === undefined)
        initializers.push({ ...tensor, data: await this.#bytesOf(place.constant) });
      else
        initializers.push({
          ...tensor,
          data: { location: externalData, offset: place.offset, length: place.length },
        });
    }
    return encodeModel({ opset, graph: { ...this.#graph, initializers }, metadata: {} });
  }

  /** The file of weights, piece by piece: at no time are there two copies of more than one tensor. */
  async *weights(): AsyncGenerator<Uint8Array> {
    let position = 0;
    for (const { constant, offset, length } of this.#layout().places.values()) {
      if (offset > position) yield new Uint8Array(offset - position);
      yield await this.#bytesOf(constant);
      position = offset + length;
    }
  }

  /** Where each weight lies in a file of weights. */
  #layout(): { readonly places: ReadonlyMap<TensorProto, Place>; readonly end: number } {
    const places = new Map<TensorProto, Place>();
    let end = 0;
    for (const tensor of this.#graph.initializers) {
      if (tensor.data instanceof Uint8Array) continue;
      const constant = Number(tensor.data.location);
      const { dtype, shape } = this.#constant(constant).type;
      const offset = Math.ceil(end / alignment) * alignment;
      const length = byteLengthOf(dtype, sizeOf(shape));
      places.set(tensor, { constant, offset, length });
      end = offset + length;
    }
    return { places, end };
  }

  async #bytesOf(constant: number): Promise<Uint8Array> {
    const { buffer, byteOffset, byteLength } = await this.#constant(constant).read();
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  #constant(place: number): Traced['constants'][number] {
    const constant = this.#program.constants[place];
    if (constant === undefined) throw new LorikeetError('internal', 'onnx: a weight is missing');
    return constant;
  }
}

interface Place {
  readonly constant: number;
  readonly offset: number;
  readonly length: number;
}
