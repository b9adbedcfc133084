import { requireClose } from '@lorikeet/laws';
import { createOnnxBackend, lowerGraph } from '@lorikeet/onnx';
import { createNodeBackend } from '@lorikeet/onnx/node';
import {
  cast,
  compile,
  createReferenceBackend,
  gather,
  normal,
  type QuantizedWeight,
  type QuantizeOptions,
  quantize,
  quantizedDot,
  randomKey,
  sizeOf,
  type Tensor,
  type TypedArray,
  tensor,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { on, onHost } from './on.ts';

const reference = createReferenceBackend();
const onnx = createNodeBackend({ threads: 1, hostWork: 0 });
const N = 6;
const dtypes = ['i8', 'u8', 'i4', 'u4'] as const;
/** Of the input and of a block: even and odd numbers of blocks, a rest, rows that end within a byte, small blocks. */
const sides = [
  [64, 16],
  [96, 32],
  [40, 16],
  [33, 16],
  [12, 4],
] as const;

async function weightOf(K: number, options: QuantizeOptions): Promise<QuantizedWeight> {
  const { weight, scales, zeroPoints } = quantize(normal(randomKey(3), [N, K]), options);
  return {
    weight: await onHost(weight),
    scales: await onHost(scales),
    zeroPoints: zeroPoints && (await onHost(zeroPoints)),
  };
}

describe('products with quantised weights are those of the reference', () => {
  const cases = dtypes.flatMap((dtype) =>
    [true, false].flatMap((symmetric) =>
      sides.map(([K, blockSize]) => ({ K, dtype, blockSize, symmetric })),
    ),
  );
  test.each(cases)('$dtype, K $K, blocks of $blockSize, symmetric $symmetric', async (options) => {
    const { K, blockSize } = options;
    const given = await weightOf(K, options);
    for (const inputAxis of [0, 1] as const)
      for (const dtype of ['f32', 'f16'] as const) {
        const x = await onHost(cast(normal(randomKey(4), [2, 3, inputAxis === 1 ? K : N]), dtype));
        const parts = { ...given, scales: await onHost(cast(given.scales, dtype)) };
        const dot = (input: Tensor, weight: QuantizedWeight): Tensor =>
          cast(quantizedDot(input, weight, { blockSize, inputAxis }), 'f32');
        const withConstant = (): Promise<TypedArray> =>
          compile((input: Tensor) => dot(input, parts))(x).data();
        const withArgument = (): Promise<TypedArray> => compile(dot)(x, parts).data();
        const expected = await on(reference, withConstant);
        const tolerance = dtype === 'f32' ? 1e-6 : 1e-3;
        const name = `input axis ${inputAxis}, ${dtype}`;
        requireClose(`${name}, a constant`, await on(onnx, withConstant), expected, tolerance);
        requireClose(`${name}, an argument`, await on(onnx, withArgument), expected, tolerance);
      }
  });
});

test.each(['i8', 'u8', 'i4', 'u4', 'f16', 'bf16'] as const)(
  'rows of a table in %s are those of the reference, whatever their length',
  async (dtype) => {
    const ids = tensor([4, 0, 4, 2], [2, 2], 'i32');
    for (const shape of [[5, 6], [5, 3], [5, 3, 2], [5]])
      for (const axis of [0, shape.length - 1]) {
        const values = Array.from({ length: sizeOf(shape) }, (_, i) => i % 8);
        const table = tensor(values, shape, dtype);
        const places = axis === 0 ? ids : tensor([1, 0], [2], 'i32');
        const rows = (): Promise<TypedArray> =>
          compile((given: Tensor) => cast(gather(table, given, axis), 'f32'))(places).data();
        expect(await on(onnx, rows)).toEqual(await on(reference, rows));
      }
  },
);

/** The operators that a product with a constant weight becomes. */
async function operatorsOf(inputAxis: 0 | 1, [K, options]: [number, QuantizeOptions]) {
  const weight = await weightOf(K, options);
  const dot = compile((x: Tensor) =>
    quantizedDot(x, weight, { blockSize: options.blockSize, inputAxis }),
  );
  const program = await on(onnx, async () =>
    dot.program(normal(randomKey(4), [5, inputAxis === 1 ? K : N])),
  );
  const { nodes } = lowerGraph(program, {
    inputName: (i) => `input${i}`,
    outputName: (i) => `output${i}`,
    constant: () => ({ elementType: 'uint4', dims: [], data: new Uint8Array(0) }),
  });
  return nodes.map(({ opType }) => opType);
}

describe('a weight is not dequantised', () => {
  test('in 4 bits and whole blocks, but for the way back', async () => {
    for (const dtype of ['u4', 'i4'] as const)
      for (const symmetric of [true, false]) {
        const options = { dtype, blockSize: 16, symmetric };
        const forward = await operatorsOf(1, [64, options]);
        expect(forward).toContain('MatMulNBits');
        expect(forward).not.toContain('DequantizeLinear');
        expect(await operatorsOf(0, [64, options])).toContain('DequantizeLinear');
      }
    expect(await operatorsOf(1, [64, { dtype: 'u8', blockSize: 16 }])).toContain(
      'DequantizeLinear',
    );
  });

  test('since only such sessions pack their constants', async () => {
    const packs: unknown[] = [];
    const backend = createOnnxBackend({
      Tensor: RuntimeTensor,
      InferenceSession: {
        create(model, options) {
          packs.push(options.extra?.['session.disable_prepacking']);
          return InferenceSession.create(model, options);
        },
      },
    });
    for (const dtype of ['u4', 'u8'] as const) {
      const weight = await weightOf(64, { dtype, blockSize: 16 });
      const x = await onHost(normal(randomKey(4), [5, 64]));
      const dot = compile((given: Tensor) =>
        quantizedDot(given, weight, { blockSize: 16, inputAxis: 1 }),
      );
      await on(backend, () => dot(x).data());
    }
    expect(packs).toEqual(['0', '1']);
  });
});
