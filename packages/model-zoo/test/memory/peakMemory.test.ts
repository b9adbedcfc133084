import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { initModel } from '@lorikeet/model-zoo';
import { paths } from '@lorikeet/nn';
import { randomKey } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../../../scripts/bundle.ts';

/** A file of 200 MB; beside those, what a process takes for itself is little. */
const configs = {
  F32: { vocab_size: 10_000, n_layer: 6 },
  F16: { vocab_size: 20_000, n_layer: 12 },
  BF16: { vocab_size: 20_000, n_layer: 12 },
};
const sizes = { n_positions: 256, n_embd: 768, n_head: 12 };

type Stored = keyof typeof configs;

let folder: string;
let program: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-peak-'));
  const run = fileURLToPath(new URL('./run.ts', import.meta.url));
  program = await bundle(run, join(folder, 'program'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['F32', 'f32', 1],
  ['F16', 'f16', 1],
  ['BF16', 'bf16', 1],
  // The result alone has twice the bytes of the file.
  ['F16', 'f32', 2],
] as const)(
  'a file of %s is loaded as %s in 1.2 times the larger of both',
  async (stored, dtype, grown) => {
    const dir = join(folder, stored);
    const bytes = await writeZeros(dir, stored);
    const { stdout } = await promisify(execFile)(process.execPath, [program, dir, dtype]);
    const peak = Number(stdout) / (grown * bytes);
    expect(peak).toBeLessThan(1.2);
    // Or nothing was measured.
    expect(peak).toBeGreaterThan(0.9);
  },
);

/** A checkpoint of zeros, which takes no room on the disk. */
async function writeZeros(dir: string, dtype: Stored): Promise<number> {
  await mkdir(dir, { recursive: true });
  const kind = { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] };
  const config = { ...kind, ...sizes, ...configs[dtype] };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  let end = 0;
  const entries = paths(initModel(config, randomKey(0))).map(([name, { shape, size }]) => {
    const start = end;
    end += size * (dtype === 'F32' ? 4 : 2);
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = await open(join(dir, 'model.safetensors'), 'w');
  try {
    await file.write(Buffer.concat([length, header]));
    await file.truncate(8 + header.length + end);
  } finally {
    await file.close();
  }
  return end;
}
