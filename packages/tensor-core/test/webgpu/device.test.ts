import { exp, mul, type Tensor, tensor, useBackend } from '@lorikeet/tensor-core';
import { createWebgpuBackend, type WebgpuBackend } from '@lorikeet/tensor-core/webgpu';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';
import { withCalls } from './withCalls.ts';

/** Work on a backend of its own, some of whose device's calls are answered by the test. */
async function onDevice(
  instead: (device: GPUDevice) => Partial<GPUDevice>,
  work: (backend: WebgpuBackend) => Promise<void>,
): Promise<void> {
  const { create } = await import('webgpu');
  const dawn = create([]);
  const gpu = withCalls(dawn, {
    async requestAdapter(options) {
      const adapter = await dawn.requestAdapter(options);
      if (adapter === null) return null;
      return withCalls(adapter, {
        async requestDevice(descriptor) {
          const device = await adapter.requestDevice(descriptor);
          return withCalls(device, instead(device));
        },
      });
    },
  });
  const backend = await createWebgpuBackend({ gpu });
  const before = useBackend(backend);
  try {
    await work(backend);
  } finally {
    useBackend(before);
    backend.destroy();
  }
}

const numbers = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => i % 977);

await describeOnWebgpu('the device', () => {
  test('data comes over whole, through few buffers or past them', async () => {
    const made: string[] = [];
    const copied: string[] = [];
    await onDevice(
      (device) => ({
        createBuffer(descriptor) {
          made.push(descriptor.label ?? '');
          return device.createBuffer(descriptor);
        },
        createCommandEncoder(descriptor) {
          copied.push(descriptor?.label ?? '');
          return device.createCommandEncoder(descriptor);
        },
      }),
      async () => {
        // Less than goes through the ring, a piece of it, a piece and a word, and more pieces than there may be at a time.
        for (const size of [1, 2 ** 18 - 1, 2 ** 18, 2 ** 20 + 1, 6.5 * 2 ** 20]) {
          const data = numbers(size);
          const doubled = await mul(tensor(data, [size]), 2).data();
          expect(doubled.findIndex((value, i) => value !== 2 * (data[i] ?? 0))).toBe(-1);
        }
        const odd = Uint8Array.from({ length: 2 ** 21 + 3 }, (_, i) => i % 125);
        const doubled = await mul(tensor(odd, [odd.length], 'u8'), 2).data();
        expect(doubled.findIndex((value, i) => value !== 2 * (odd[i] ?? 0))).toBe(-1);
      },
    );
    const ofRing = (labels: readonly string[]): number =>
      labels.filter((label) => label === 'upload').length;
    expect(ofRing(made)).toBe(4);
    // 1 + 2 pieces, 4 of the 7 at least, and 1.
    expect(ofRing(copied)).toBeGreaterThanOrEqual(8);
  });

  test('memory that the device does not have is an error of what asked for it, and of nothing later', async () => {
    let refused = 0;
    let isShort = true;
    const scopes: GPUErrorFilter[] = [];
    let last: string | undefined;
    await onDevice(
      (device) => ({
        pushErrorScope(filter) {
          scopes.push(filter);
          device.pushErrorScope(filter);
        },
        createBuffer(descriptor) {
          last = descriptor.label;
          return device.createBuffer(descriptor);
        },
        async popErrorScope() {
          const isAsked = scopes.pop() === 'out-of-memory' && last?.includes('exp') === true;
          const found = await device.popErrorScope();
          if (!isAsked || !isShort) return found;
          refused += 1;
          return { message: 'no memory is left' };
        },
      }),
      async (backend) => {
        const x = tensor(
          numbers(2 ** 19).map((value) => value / 977),
          [2 ** 19],
        );
        const big = (): Tensor => exp(x);
        await expect(big().data()).rejects.toMatchObject({
          code: 'out-of-memory',
          message: expect.stringContaining(`f32[${2 ** 19}] by exp`),
        });
        expect(refused).toBe(1);
        isShort = false;
        const taken = backend.statistics().deviceBytes;
        const [first] = await big().data();
        expect(first).toBe(1);
        expect(refused).toBe(1);
        expect(backend.statistics().deviceBytes).toBeLessThanOrEqual(taken + 2 ** 22);
      },
    );
  });

  test("what the device objects to names the value's op, and what a compiler does the kernel", async () => {
    const made: GPUBuffer[] = [];
    let isBroken = false;
    await onDevice(
      (device) => ({
        createBuffer(descriptor) {
          const buffer = device.createBuffer(descriptor);
          made.push(buffer);
          return buffer;
        },
        createShaderModule: (descriptor) =>
          device.createShaderModule(
            isBroken ? { ...descriptor, code: `${descriptor.code}\nnonsense` } : descriptor,
          ),
      }),
      async () => {
        const x = exp(tensor([0, 1]));
        await x.data();
        for (const buffer of made) if (buffer.label.includes('exp')) buffer.destroy();
        await expect(mul(x, 2).data()).rejects.toMatchObject({
          code: 'backend-failed',
          message: expect.stringContaining('f32[2] by exp'),
        });
        isBroken = true;
        await expect(mul(tensor([1, 2, 3]), 3).data()).rejects.toMatchObject({
          code: 'backend-failed',
          message: expect.stringMatching(/kernel mul is not valid: line \d+/),
        });
      },
    );
  });
});
