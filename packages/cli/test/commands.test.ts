import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { tensor } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));
const model = join(golden, 'models/bert-seqcls');
const adapter = join(golden, 'adapters/bert-seqcls/lora-qv');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the command', () => {
  test('explains itself', async () => {
    const { code, stdout } = await lorikeet('--help');
    expect(code).toBe(0);
    for (const name of [
      'doctor',
      'finetune',
      'merge',
      'inspect',
      'parity',
      'export',
      'new-variant',
    ])
      expect(stdout).toContain(name);
  });

  test('gives an example for each flag that takes a value', async () => {
    const { stdout } = await lorikeet('--help');
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name);
    expect(commands.length).toBeGreaterThan(12);
    for (const name of commands.filter((other) => other !== 'help')) {
      const help = (await lorikeet(name, '--help')).stdout;
      const words = help.replaceAll(/\s+/g, ' ');
      for (const [, flag] of help.matchAll(/^ {2}(?:-\w, |--out, )?(--[a-z0-9-]+) </gm))
        expect(words, `${name} ${flag}`).toContain(`example: ${flag} `);
    }
  });

  test.each([
    ['an unknown command', ['fly']],
    ['an unknown option', ['doctor', '--fast']],
    ['a missing option', ['merge', '--model', 'x']],
    [
      'a number that is none',
      ['finetune', '--model', 'm', '--data', 'd', '--output', 'o', '--rank', '0'],
    ],
  ])('ends with 2 for %s', async (_, args) => {
    expect((await lorikeet(...args)).code).toBe(2);
  });
});

describe('doctor', () => {
  test('names the backend that it would use and why', async () => {
    const { code, stdout } = await lorikeet('doctor', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      node: process.version,
      chosen: 'onnx',
      why: 'the best that can run here',
    });
  });

  test('fails if LORIKEET_BACKEND asks for what is not there', async () => {
    process.env.LORIKEET_BACKEND = 'abacus';
    try {
      const { code, stdout } = await lorikeet('doctor');
      expect(stdout).toContain("the backend 'abacus' cannot be used");
      expect(code).toBe(1);
    } finally {
      delete process.env.LORIKEET_BACKEND;
    }
  });
});

describe('inspect', () => {
  test('shows an adapter', async () => {
    const { code, stdout } = await lorikeet('inspect', adapter, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'adapter',
      parameters: 4 * 2 * 4 * 32 + 3 * 32 + 3,
      config: { r: 4 },
    });
  });

  test('shows a model to people', async () => {
    const { stdout } = await lorikeet('inspect', model);
    expect(stdout).toMatch(/^model .*: 41 tensors/);
    expect(stdout).toContain('F32[3,32]  classifier.weight');
  });

  const plan = [
    ...['inspect', model, '--plan', '**.{query,value}', '--train', 'classifier'],
    ...['--max-length', '16'],
  ];
  test('plans an adapter of a model', async () => {
    const { stdout } = await lorikeet(...plan, '--options', '{"rank":4}', '--json');
    const figures = JSON.parse(stdout);
    expect(figures).toMatchObject({
      trainable_parameters: 4 * 2 * 4 * 32 + 3 * 32 + 3,
      rows: expect.arrayContaining([expect.objectContaining({ rank: 4, kind: 'linear' })]),
    });
    const { size } = await stat(join(adapter, 'adapter_model.safetensors'));
    expect(figures.file_bytes).toBe(size);
    expect(figures.step_bytes.intermediates).toBeGreaterThan(16 * 16 * 32 * 4);
    expect((await lorikeet(...plan)).stdout).toContain('parameters train');
  });

  test('plans nothing that is not there', async () => {
    const { code, stderr } = await lorikeet('inspect', model, '--plan', '**.{query,vlaue}');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/'vlaue' in[\s\S]*did you mean/)]);
    expect((await lorikeet(...plan, '--method', 'lroa')).stderr).toContain("no method 'lroa'");
    expect((await lorikeet(...plan, '--options', '[1]')).code).toBe(2);
  });

  test('ends with 1 for what is not there', async () => {
    const { code, stderr } = await lorikeet('inspect', join(folder, 'nothing'));
    expect(code).toBe(1);
    expect(stderr).toContain('cannot read');
  });
});

describe('merge', () => {
  test('writes a plain model that gives the logits of the adapted one', async () => {
    const output = join(folder, 'merged');
    const { code, stdout } = await lorikeet(
      'merge',
      '--model',
      model,
      '--adapter',
      adapter,
      '--output',
      output,
    );
    expect([code, stdout]).toEqual([0, output]);
    const inputs = { input_ids: tensor([[5, 9, 2, 17]], [1, 4], 'i32') };
    const tuned = await loadAdapter(await load(model), adapter);
    const merged = await load(output);
    const expected = await tuned.call(inputs, Context.evaluation).logits?.data();
    const got = await merged.call(inputs, Context.evaluation).logits?.data();
    expect(expected).toHaveLength(3);
    for (const [i, value] of (expected ?? []).entries()) expect(got?.[i]).toBeCloseTo(value, 5);
  });

  test('prints how far each weight is off', async () => {
    const output = join(folder, 'reported');
    const paths = ['--model', model, '--adapter', adapter, '--output', output];
    const { code, stdout } = await lorikeet('merge', ...paths, '--report', '--dtype', 'f32');
    expect(code).toBe(0);
    expect(stdout).toMatch(/self\.query\.weight +f32 +yes/);
    expect((await lorikeet('merge', ...paths, '--dtype', 'f17')).code).toBe(2);
  });

  test('refuses an adapter that is not finite and writes nothing', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await writeFile(
      join(broken, 'adapter_config.json'),
      await readFile(join(adapter, 'adapter_config.json')),
    );
    const bytes = await readFile(join(adapter, 'adapter_model.safetensors'));
    bytes.writeFloatLE(Number.NaN, bytes.length - 4);
    await writeFile(join(broken, 'adapter_model.safetensors'), bytes);
    const output = join(folder, 'never');
    const { code, stderr } = await lorikeet(
      'merge',
      '--model',
      model,
      '--adapter',
      broken,
      '--output',
      output,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('not finite');
    await expect(readFile(join(output, 'config.json'))).rejects.toThrow();
  });
});

describe('new-variant', () => {
  test('writes a file that is a variant, and does not write over it', async () => {
    // Beside this test, so that its imports are found.
    const directory = fileURLToPath(new URL('generated', import.meta.url));
    await mkdir(directory, { recursive: true });
    try {
      const { code, stdout } = await lorikeet('new-variant', 'rowScale', '--directory', directory);
      expect([code, stdout]).toEqual([0, join(directory, 'rowScale.ts')]);
      const written = await import(pathToFileURL(stdout).href);
      expect(written.rowScale({ start: 2 })).toMatchObject({
        kind: 'adapter',
        variant: { name: 'rowScale' },
        config: { start: 2 },
      });
      expect((await lorikeet('new-variant', 'rowScale', '--directory', directory)).code).toBe(1);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('refuses a name that is no identifier', async () => {
    const { code, stderr } = await lorikeet('new-variant', '../escape', '--directory', folder);
    expect(code).toBe(1);
    expect(stderr).toContain('camelCase');
  });
});

describe('export', () => {
  test('writes a merged model that runs at any size, and says how far it is off', async () => {
    const file = join(folder, 'merged.onnx');
    const { code, stdout } = await lorikeet(
      ...['export', '--model', model, '--adapter', adapter, '--output', file, '--json'],
    );
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary.files).toEqual([file]);
    expect(summary.inputs[0]).toBe('input_ids [batch, sequence]');
    expect(summary.largest_difference).toBeLessThan(1e-5);
  });

  test('leaves the adapter to the caller if told so', async () => {
    const file = join(folder, 'base.onnx');
    const { code, stdout } = await lorikeet(
      ...['export', '--model', model, '--adapter', adapter, '--output', file, '--json'],
      ...['--adapters-as-inputs', '--dynamic', 'batch', '--sequence', '6', '--external-data'],
    );
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(summary.files).toEqual([file, `${file}.data`]);
    expect(summary.inputs[0]).toBe('input_ids [batch, 6]');
    expect(summary.inputs.join()).toContain('query.weight.parameters.A');
    expect(summary.largest_difference).toBeLessThan(1e-5);
  });

  test.each([
    ['an adapter that is not there', ['--adapters-as-inputs'], 1, '--adapter DIR'],
    ['a side that is none', ['--dynamic', 'time'], 1, 'batch, sequence'],
    ['both ways at once', ['--merged', '--adapters-as-inputs'], 2, 'cannot be used with'],
  ])('refuses %s', async (_, flags, expected, text) => {
    const { code, stderr } = await lorikeet(
      ...['export', '--model', model, '--output', join(folder, 'x.onnx'), ...flags],
    );
    expect(code).toBe(expected);
    expect(stderr).toContain(text);
  });
});
