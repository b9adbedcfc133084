import {
  dequantizeOp,
  isPacked,
  operand,
  type QuantizedDotAttributes,
  quantizedDotOp,
  sizeOf,
} from '@lorikeet/tensor-core';
import { castNode } from '../carrier.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering } from '../lowering.ts';
import type { Value } from '../value.ts';
import { multiply } from './dot.ts';

const contrib = { domain: 'com.microsoft' } as const;

export const quantizedLowerings: readonly Lowering[] = [
  lowering(dequantizeOp, 'DequantizeLinear', {
    lower: ({ graph, inputs, attributes: { blockSize } }) =>
      dequantized(graph, weightOf(inputs), blockSize),
  }),
  lowering(quantizedDotOp, 'MatMulNBits, or DequantizeLinear and MatMul', {
    lower({ graph, inputs, attributes, type }) {
      const rows = asRows(graph, operand(inputs, 0));
      const weight = weightOf(inputs.slice(1));
      const product =
        multiplyNBits(graph, rows, weight, attributes) ??
        multiply(graph, {
          a: rows,
          transA: false,
          b: dequantized(graph, weight, attributes.blockSize),
          transB: attributes.inputAxis === 1,
        });
      return graph.node('Reshape', [product, graph.ints(type.shape)]);
    },
  }),
];

interface QuantizedParts {
  readonly weight: Value;
  readonly scales: Value;
  readonly zeroPoints: Value | undefined;
}

function weightOf(inputs: readonly Value[]): QuantizedParts {
  return { weight: operand(inputs, 0), scales: operand(inputs, 1), zeroPoints: inputs[2] };
}

function asRows(graph: GraphBuilder, { name, shape }: Value): string {
  return shape.length === 2
    ? name
    : graph.node('Reshape', [name, graph.ints([-1, shape.at(-1) ?? 1])]);
}

/** The weight in f32. */
function dequantized(
  graph: GraphBuilder,
  { weight, scales, zeroPoints }: QuantizedParts,
  blockSize: number,
): string {
  const wholes = zeroPoints === undefined ? [weight] : [weight, zeroPoints];
  // Packed elements only where they are stored so; in bytes otherwise.
  const isStored = wholes.every(({ stored }) => stored !== undefined);
  const elements = ({ name, dtype, stored = '' }: Value): string =>
    isStored ? stored : castNode(graph, name, dtype.startsWith('u') ? 'uint8' : 'int8');
  const zero =
    zeroPoints === undefined ? middle(graph, weight, scales, isStored) : elements(zeroPoints);
  // A scale alone is one for the whole weight there.
  const isWhole = scales.shape.length === 1 && scales.shape[0] === 1;
  return graph.node(
    'DequantizeLinear',
    [elements(weight), scales.name, ...(zero === undefined ? [] : [zero])],
    { axis: weight.shape.length - 1, block_size: isWhole ? 0 : blockSize },
  );
}

/** What stands for 0 in an unsigned weight without zero points. */
function middle(
  graph: GraphBuilder,
  { dtype }: Value,
  { shape }: Value,
  isStored: boolean,
): string | undefined {
  if (dtype === 'u4' && isStored) {
    const data = new Uint8Array(Math.ceil(sizeOf(shape) / 2)).fill(0x88);
    return graph.initializer({ elementType: 'uint4', dims: shape, data });
  }
  if (dtype !== 'u4' && dtype !== 'u8') return undefined;
  const zero = graph.constant('uint8', [], [dtype === 'u4' ? 8 : 128]);
  return graph.node('Expand', [zero, graph.ints(shape)]);
}

/**
 * The product without the weight in f32, if the weight is stored as MatMulNBits takes it: 4 bits, rows and zero points
 * in whole bytes. With 8 bits it dequantises, more slowly than DequantizeLinear.
 */
function multiplyNBits(
  graph: GraphBuilder,
  rows: string,
  { weight, scales, zeroPoints }: QuantizedParts,
  { blockSize, inputAxis }: QuantizedDotAttributes,
): string | undefined {
  const [N = 0, K = 0] = weight.shape;
  const blocks = K / blockSize;
  const isBlockSize = blockSize >= 16 && Number.isInteger(Math.log2(blockSize));
  if (inputAxis !== 1 || !isPacked(weight.dtype) || !isBlockSize) return undefined;
  if (!Number.isInteger(blocks) || (zeroPoints !== undefined && blocks % 2 !== 0)) return undefined;
  const bytes = weight.bytesAs?.([N, blocks, blockSize / 2]);
  const zeros = zeroPoints?.bytesAs?.([N, blocks / 2]);
  if (bytes === undefined || (zeroPoints !== undefined && zeros === undefined)) return undefined;
  // -8 to 7 become 0 to 15.
  const unsigned = (name: string): string =>
    weight.dtype === 'u4'
      ? name
      : graph.node('BitwiseXor', [name, graph.constant('uint8', [], [0x88])]);
  return graph.node(
    'MatMulNBits',
    [rows, unsigned(bytes), scales.name, ...(zeros === undefined ? [] : [unsigned(zeros)])],
    { K, N, bits: 4, block_size: blockSize },
    contrib,
  );
}
