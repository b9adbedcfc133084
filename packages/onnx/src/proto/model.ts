import type { ElementType } from './elementType.ts';

/** The parts of ONNX's `onnx.proto` that are written here, under its names. */
export interface ModelProto {
  readonly opset: number;
  readonly graph: GraphProto;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly opType: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: NodeAttributes;
}

/** Numbers are `INT`s; a `FLOAT` is wrapped, since JavaScript does not tell them apart. */
export type NodeAttribute = number | string | readonly number[] | { readonly float: number };
export type NodeAttributes = Readonly<Record<string, NodeAttribute>>;

export interface TensorProto {
  readonly name: string;
  readonly elementType: ElementType;
  readonly dims: readonly number[];
  /** Little-endian bytes in the model itself, or a part of a file beside it. */
  readonly data: Uint8Array | ExternalData;
}

interface ExternalData {
  /** Relative to the model. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly elementType: ElementType;
  /** A name stands for a side that is not known before the model runs. */
  readonly dims: readonly (number | string)[];
  /** Whether it is a sequence of such tensors. */
  readonly isSequence?: boolean;
}
