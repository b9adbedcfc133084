import { PbfWriter } from 'pbf';
import { elementTypes } from './elementType.ts';
import type {
  GraphProto,
  ModelProto,
  NodeAttribute,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from './model.ts';

/** Version 10 of the format is the first that knows integers of 4 bits. */
const irVersion = 10;

// Numbers of fields and of enumerations are those of onnx.proto.
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
const external = 1;

/** The bytes of an `.onnx` file. */
export function encodeModel(model: ModelProto): Uint8Array {
  const writer = new PbfWriter();
  writer.writeVarintField(1, irVersion);
  writer.writeStringField(2, 'lorikeet');
  writer.writeMessage(7, writeGraph, model.graph);
  for (const [domain, version] of [
    ['', model.opset],
    ['com.microsoft', 1],
  ] as const)
    writer.writeMessage(8, writeOpset, { domain, version });
  for (const entry of Object.entries(model.metadata)) writer.writeMessage(14, writeEntry, entry);
  return writer.finish();
}

function writeOpset(
  { domain, version }: { domain: string; version: number },
  writer: PbfWriter,
): void {
  writer.writeStringField(1, domain);
  writer.writeVarintField(2, version);
}

function writeGraph(graph: GraphProto, writer: PbfWriter): void {
  for (const node of graph.nodes) writer.writeMessage(1, writeNode, node);
  writer.writeStringField(2, graph.name);
  for (const tensor of graph.initializers) writer.writeMessage(5, writeTensor, tensor);
  for (const input of graph.inputs) writer.writeMessage(11, writeValueInfo, input);
  for (const output of graph.outputs) writer.writeMessage(12, writeValueInfo, output);
}

function writeNode(node: NodeProto, writer: PbfWriter): void {
  for (const input of node.inputs) writer.writeStringField(1, input);
  for (const output of node.outputs) writer.writeStringField(2, output);
  writer.writeStringField(3, node.name);
  writer.writeStringField(4, node.opType);
  for (const attribute of Object.entries(node.attributes))
    writer.writeMessage(5, writeAttribute, attribute);
  if (node.domain !== '') writer.writeStringField(7, node.domain);
}

function writeAttribute([name, value]: [string, NodeAttribute], writer: PbfWriter): void {
  writer.writeStringField(1, name);
  if (typeof value === 'number') {
    writer.writeVarintField(3, value);
    writer.writeVarintField(20, attributeTypes.int);
  } else if (typeof value === 'string') {
    writer.writeBytesField(4, new TextEncoder().encode(value));
    writer.writeVarintField(20, attributeTypes.string);
  } else if ('float' in value) {
    writer.writeFloatField(2, value.float);
    writer.writeVarintField(20, attributeTypes.float);
  } else {
    for (const number of value) writer.writeVarintField(8, number);
    writer.writeVarintField(20, attributeTypes.ints);
  }
}

function writeTensor({ name, elementType, dims, data }: TensorProto, writer: PbfWriter): void {
  for (const side of dims) writer.writeVarintField(1, side);
  writer.writeVarintField(2, elementTypes[elementType]);
  writer.writeStringField(8, name);
  if (data instanceof Uint8Array) {
    writer.writeBytesField(9, data);
    return;
  }
  for (const entry of Object.entries(data))
    writer.writeMessage(13, writeEntry, [entry[0], String(entry[1])]);
  writer.writeVarintField(14, external);
}

function writeEntry([key, value]: [string, string], writer: PbfWriter): void {
  writer.writeStringField(1, key);
  writer.writeStringField(2, value);
}

function writeValueInfo(info: ValueInfoProto, writer: PbfWriter): void {
  writer.writeStringField(1, info.name);
  writer.writeMessage(2, info.isSequence === true ? writeSequenceType : writeTypeProto, info);
}

function writeSequenceType(info: ValueInfoProto, writer: PbfWriter): void {
  writer.writeMessage(4, writeElementType, info);
}

function writeElementType(info: ValueInfoProto, writer: PbfWriter): void {
  writer.writeMessage(1, writeTypeProto, info);
}

function writeTypeProto(info: ValueInfoProto, writer: PbfWriter): void {
  writer.writeMessage(1, writeTensorType, info);
}

function writeTensorType({ elementType, dims }: ValueInfoProto, writer: PbfWriter): void {
  writer.writeVarintField(1, elementTypes[elementType]);
  writer.writeMessage(2, writeShape, dims);
}

function writeShape(dims: readonly (number | string)[], writer: PbfWriter): void {
  for (const side of dims) writer.writeMessage(1, writeDimension, side);
}

function writeDimension(side: number | string, writer: PbfWriter): void {
  if (typeof side === 'number') writer.writeVarintField(1, side);
  else writer.writeStringField(2, side);
}
