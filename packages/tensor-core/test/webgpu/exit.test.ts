import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeOnWebgpu } from './describeOnWebgpu.ts';

const script = (end: string): string => `
  import { add, tensor, useBackend } from '@lorikeet/tensor-core';
  import { createNodeWebgpuBackend } from '@lorikeet/tensor-core/webgpu/node';
  const backend = await createNodeWebgpuBackend();
  useBackend(backend);
  console.log([...(await add(tensor([1, 2]), 1).data())].join());
  ${end}
`;

await describeOnWebgpu('a process that computes on WebGPU', () => {
  test.each([
    ['the backend was destroyed', 'backend.destroy();'],
    ['the backend is still there', ''],
  ])('ends by itself where %s', async (_, end) => {
    const isBuilt = process.env.LORIKEET_BUILT === '1';
    const source = isBuilt
      ? []
      : ['--conditions=lorikeet-source', '--import', import.meta.resolve('tsx')];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...source, '--input-type=module', '--eval', script(end)],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)), timeout: 50_000 },
    );
    expect(stdout).toBe('2,3\n');
  });
});
