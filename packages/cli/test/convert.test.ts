import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { adapt, lora } from '@lorikeet/peft-lora';
import { loadAdapter, saveAdapter } from '@lorikeet/peft-lora/node';
import { tensor } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));
const model = join(golden, 'models/bert-seqcls');
const withHead = join(golden, 'adapters/bert-seqcls/lora-qv');
const query = 'bert.encoder.layer.0.attention.self.query';

let folder: string;
let adapter: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-'));
  const method = lora({
    rank: 3,
    alpha: 5,
    initLoraWeights: false,
    rankPattern: { '0.*query': 2 },
  });
  adapter = await saveAdapter(
    adapt(await load(model), { '**.{query,value}': method }),
    join(folder, 'peft'),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function logitsOf(dir: string): Promise<number[]> {
  const tuned = await loadAdapter(await load(model), dir);
  const inputs = { input_ids: tensor([[5, 9, 2, 17]], [1, 4], 'i32') };
  return [...((await tuned.call(inputs, Context.evaluation).logits?.data()) ?? [])];
}

async function done(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await lorikeet('convert', ...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('convert', () => {
  test('leads to kohya and back, with the model or with a list of its modules', async () => {
    const file = join(folder, 'kohya.safetensors');
    const written = await done(adapter, '--to', 'kohya', '--part', 'text_encoder', '--out', file);
    expect(written).toEqual({
      from: 'peft',
      to: 'kohya',
      output: file,
      modules: { text_encoder: 4 },
    });
    const { stdout } = await lorikeet('inspect', file);
    expect(stdout).toContain(`F32[2,32]  lora_te_${query.replaceAll('.', '_')}.lora_down.weight`);
    expect(stdout).toContain(`F32[]  lora_te_${query.replaceAll('.', '_')}.alpha`);
    const list = join(folder, 'modules.txt');
    const paths = [0, 1].flatMap((i) =>
      ['query', 'value'].map((name) => query.replace('0', String(i)).replace('query', name)),
    );
    await writeFile(list, `${paths.join('\n')}\n`);
    const sources = [
      ['--base', model, '--part', 'text_encoder'],
      ['--modules', list],
    ];
    const expected = await logitsOf(adapter);
    for (const [i, source] of sources.entries()) {
      const output = join(folder, `back${i}`);
      await done(file, '--to', 'peft', ...source, '--output', output);
      expect(await logitsOf(output)).toEqual(expected);
      const config = JSON.parse(await readFile(join(output, 'adapter_config.json'), 'utf8'));
      expect(config).toMatchObject({
        peft_type: 'LORA',
        r: 3,
        lora_alpha: 5,
        target_modules: paths.sort(),
      });
    }
    await writeFile(list, JSON.stringify({ text_encoder: paths }));
    const diffusers = join(folder, 'from-kohya.safetensors');
    await done(file, '--to', 'diffusers', '--modules', list, '--out', diffusers);
    expect((await lorikeet('inspect', diffusers)).stdout).toContain(
      `text_encoder.${query}.lora_A.weight`,
    );
  });

  test('leads to diffusers and back', async () => {
    const file = join(folder, 'diffusers.safetensors');
    const { stdout } = await lorikeet('convert', adapter, '--to', 'diffusers', '--out', file);
    expect(stdout).toBe(`unet: 4 modules, from peft to diffusers\n${file}`);
    const output = join(folder, 'from-diffusers');
    await done(file, '--to', 'peft', '--out', output);
    const expected = await logitsOf(adapter);
    for (const [i, value] of (await logitsOf(output)).entries())
      expect(value).toBeCloseTo(expected[i] ?? 0, 4);
  });

  test('keeps the parts of a pipeline apart, and finds their modules', async () => {
    const [parts, pipeline] = [join(folder, 'parts'), join(folder, 'pipeline')];
    for (const part of ['unet', 'text_encoder']) {
      await cp(adapter, join(parts, part), { recursive: true });
      await mkdir(join(pipeline, part), { recursive: true });
    }
    const weights = join(model, 'model.safetensors');
    await cp(weights, join(pipeline, 'unet/diffusion_pytorch_model.safetensors'));
    await cp(weights, join(pipeline, 'text_encoder/model.safetensors'));
    const file = join(folder, 'both.safetensors');
    await done(parts, '--to', 'kohya', '--out', file);
    const output = join(folder, 'both');
    const { modules } = await done(file, '--to', 'peft', '--base', pipeline, '--out', output);
    expect(modules).toEqual({ unet: 4, text_encoder: 4 });
    expect(await logitsOf(join(output, 'text_encoder'))).toEqual(await logitsOf(adapter));
  });

  test.each([
    [
      'kohya without the modules',
      (): string[] => [join(folder, 'kohya.safetensors'), '--to', 'peft'],
      1,
      '--base MODEL or --modules FILE',
    ],
    [
      'kohya of other modules',
      () => [
        join(folder, 'kohya.safetensors'),
        '--to',
        'peft',
        '--base',
        join(golden, 'models/gpt2-lm'),
      ],
      1,
      'no module',
    ],
    ['a head', () => [withHead, '--to', 'kohya'], 1, 'classifier'],
    ['what has the keys already', () => [adapter, '--to', 'peft'], 1, 'already'],
    ['a file without an ending', () => [adapter, '--to', 'kohya'], 1, '.safetensors'],
    ['a style that is none', () => [adapter, '--to', 'comfy'], 2, 'Allowed choices'],
    ['a folder without an adapter', () => [golden, '--to', 'kohya'], 1, 'holds no adapter'],
    [
      'a list that is none',
      () => [
        join(folder, 'kohya.safetensors'),
        '--to',
        'peft',
        '--modules',
        join(adapter, 'adapter_config.json'),
      ],
      1,
      'no list of modules',
    ],
    [
      'a list that is not there',
      () => [join(folder, 'kohya.safetensors'), '--to', 'peft', '--modules', '/nowhere'],
      1,
      'cannot read',
    ],
    [
      'a model that is none',
      () => [join(folder, 'kohya.safetensors'), '--to', 'peft', '--base', golden],
      1,
      'holds no model',
    ],
    [
      'both a model and a list',
      () => [adapter, '--to', 'kohya', '--base', model, '--modules', 'x'],
      2,
      'cannot be used',
    ],
  ])('refuses %s', async (_, args, code, text) => {
    const failed = await lorikeet('convert', ...args(), '--out', join(folder, 'never'));
    expect([failed.code, failed.stderr]).toEqual([code, expect.stringContaining(text)]);
  });
});
