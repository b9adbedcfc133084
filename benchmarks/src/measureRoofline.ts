import { LorikeetError } from '@lorikeet/tensor-core';
import type { Roofline } from './kernelRuns.ts';
import { openDawn } from './peers/webgpu/dawn.ts';

const size = { workgroups: 1024, threads: 64, rounds: 128, unrolled: 16, sums: 4 } as const;

/** Vectors that wait for nobody but themselves, and fit into registers. */
const arithmetic = `
@group(0) @binding(0) var<storage, read_write> values: array<vec4f>;
@compute @workgroup_size(${size.threads})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = values[id.x];
${each(size.sums, (i) => `  var sum${i} = start + ${i};`)}
  for (var round = 0u; round < ${size.rounds}u; round++) {
${each(size.unrolled * size.sums, (i) => `    sum${i % size.sums} = fma(sum${i % size.sums}, start, start);`)}
  }
  values[id.x] = ${each(size.sums, (i) => `sum${i}`, ' + ')};
}`;

/** Larger than the caches of processors; read and written once. */
const copiedBytes = 64 * 2 ** 20;

/** More threads in a group than above, since there may be no more than 65,535 groups. */
const copyThreads = 256;

const copy = `
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(${copyThreads})
fn main(@builtin(global_invocation_id) id: vec3u) {
  to[id.x] = source[id.x];
}`;

/** What the adapter does at best, seen by two kernels that do nothing else: arithmetic in registers, and a copy. */
export async function measureRoofline(): Promise<Roofline> {
  const adapter = await openDawn().requestAdapter();
  if (adapter === null)
    throw new LorikeetError('backend-unavailable', 'there is no adapter to measure');
  const device = await adapter.requestDevice();
  const { workgroups, threads, rounds, unrolled, sums } = size;
  const arithmetic_s = await fastest(device, arithmetic, [16 * workgroups * threads], workgroups);
  const copy_s = await fastest(
    device,
    copy,
    [copiedBytes, copiedBytes],
    copiedBytes / 16 / copyThreads,
  );
  device.destroy();
  return {
    flops_per_s: (workgroups * threads * rounds * unrolled * sums * 4 * 2) / arithmetic_s,
    bytes_per_s: (2 * copiedBytes) / copy_s,
  };
}

function each(count: number, line: (i: number) => string, between = '\n'): string {
  return Array.from({ length: count }, (_, i) => line(i)).join(between);
}

/** The least seconds of fifteen runs. */
async function fastest(
  device: GPUDevice,
  code: string,
  sizes: readonly number[],
  workgroups: number,
): Promise<number> {
  device.pushErrorScope('validation');
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const buffers = sizes.map((bytes) =>
    device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE }),
  );
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  let least = Infinity;
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  for (const buffer of buffers) buffer.destroy();
  const error = await device.popErrorScope();
  if (error !== null) throw new LorikeetError('backend-failed', error.message);
  return least;
}
