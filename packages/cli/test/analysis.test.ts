import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '@lorikeet/model-zoo/node';
import { Context } from '@lorikeet/nn';
import { adapt, analyseAdapter, lora, merge } from '@lorikeet/peft-lora';
import { loadAdapter, saveAdapter } from '@lorikeet/peft-lora/node';
import { tensor } from '@lorikeet/tensor-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));
const model = join(golden, 'models/bert-seqcls');
const adapter = join(golden, 'adapters/bert-seqcls/lora-qv');
const dora = join(golden, 'adapters/bert-seqcls/lora-dora');
const prefix = join(golden, 'adapters/bert-seqcls/prefix-tuning');
const query = 'bert.encoder.layer.0.attention.self.query';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorikeet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function json(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await lorikeet(...args, '--json');
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('inspect, of an adapter', () => {
  test('tells what it changes, without its base and on it', async () => {
    const alone = await json('inspect', adapter);
    const based = await json('inspect', adapter, '--base', model, '--energy', '0.6');
    const { rows } = await analyseAdapter(await loadAdapter(await load(model), adapter));
    for (const [i, row] of rows.entries()) {
      const [one, other] = [alone, based].map(({ analysis }) => analysis.modules[i]);
      expect(one).toMatchObject({
        path: row.path,
        method: 'lora',
        rank: 4,
        shape: [32, 32],
        drift: null,
      });
      expect([one.parameters, one.bytes]).toEqual([2 * 4 * 32, 4 * 2 * 4 * 32]);
      for (const [k, value] of row.singularValues.entries())
        expect(one.singular_values[k]).toBeCloseTo(value, 9);
      expect(other.drift.frobenius).toBeCloseTo(row.drift?.frobenius ?? 0, 9);
      expect(one.suggested_energy).toBeGreaterThanOrEqual(0.95);
      expect(other.suggested_rank).toBeLessThan(one.suggested_rank);
    }
    expect(alone.analysis.tensors.map(({ path }: { path: string }) => path).sort()).toEqual([
      'classifier.bias',
      'classifier.weight',
    ]);
  });

  test('is for people, too', async () => {
    const { stdout } = await lorikeet('inspect', adapter, '--base', model, '--intruders');
    expect(stdout).toMatch(/module +method +shape +rank +effective .* intruders +singular values/);
    expect(stdout).toContain(`${query}.lora_A.weight`);
    expect(stdout).toContain('suggested: the lowest rank that keeps 95.0 % of the energy');
  });

  test('compares with another one', async () => {
    const { similarity } = await json('inspect', adapter, '--other', adapter);
    expect(similarity.modules).toHaveLength(4);
    expect(similarity.modules[0].inputs.phi[3][3]).toBeCloseTo(1, 9);
    expect(similarity.modules[0].cosine).toBeCloseTo(1, 9);
    const { stdout } = await lorikeet('inspect', adapter, '--other', dora, '--base', model);
    expect(stdout).toMatch(/module +ranks +cosine/);
  });

  test('says why it is not analysed, where the files alone do not suffice', async () => {
    for (const dir of [dora, prefix]) {
      const { analysis, refusal, kind } = await json('inspect', dir);
      expect([analysis, kind]).toEqual([null, 'adapter']);
      expect(refusal).toContain('--base MODEL');
      expect((await lorikeet('inspect', dir)).stdout).toContain('not analysed: ');
      expect((await lorikeet('inspect', dir, '--other', adapter)).code).toBe(1);
    }
    expect(
      (await json('inspect', dora, '--base', model)).analysis.modules[0].singular_values,
    ).toHaveLength(32);
    expect((await json('inspect', prefix, '--base', model)).analysis.modules).toEqual([]);
  });

  test('is a page of its own, without scripts and with nothing to fetch', async () => {
    const file = join(folder, 'page.html');
    const { code, stderr } = await lorikeet(
      'inspect',
      adapter,
      '--base',
      model,
      '--other',
      dora,
      '--html',
      file,
    );
    expect([code, stderr]).toEqual([0, file]);
    const page = await readFile(file, 'utf8');
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|<img|@import|\burl\(|\bon\w+=/);
    for (const [, address = ''] of page.matchAll(/(https?:\/\/[^"'\s<]+)/g))
      expect(address).toMatch(/^http:\/\/www\.w3\.org\//);
    // Spectra, norms, drift, ranks, two overlaps and a grid for each of the weights that both have.
    const compared = (await json('inspect', adapter, '--base', model, '--other', dora)).similarity
      .modules;
    expect(page.match(/<svg/g)).toHaveLength(6 + compared.length);
    expect(page).toContain(`<td>${query}</td>`);
    expect(page).not.toMatch(/NaN|undefined/);
  });

  test('is a page where nothing has changed yet', async () => {
    const dir = join(folder, 'fresh');
    await saveAdapter(adapt(await load(model), { '**.query': lora({ rank: 2 }) }), dir);
    const file = join(folder, 'fresh.html');
    const { code, stdout } = await lorikeet('inspect', dir, '--other', dir, '--html', file);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/self\.query +lora +\[32,32\] +2 +0\.00 +0 /),
    ]);
    const page = await readFile(file, 'utf8');
    // Norms and ranks alone.
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('escapes names from the files', async () => {
    const hostile = join(folder, 'hostile');
    await cp(adapter, hostile, { recursive: true });
    const path = join(hostile, 'adapter_model.safetensors');
    const bytes = await readFile(path, 'latin1');
    // Of the same length, so that offsets stay.
    const named = bytes.replaceAll(
      'bert.encoder.layer.0.attention.self',
      '<script>alert(0)</script>.0.self.xx',
    );
    expect(named).toHaveLength(bytes.length);
    await writeFile(path, named, 'latin1');
    const file = join(folder, 'hostile.html');
    expect((await lorikeet('inspect', hostile, '--html', file)).code).toBe(0);
    const page = await readFile(file, 'utf8');
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toContain('<script');
  });

  test.each([
    ['a folder without an adapter', ['inspect', model, '--html', 'x.html'], 1, 'holds no adapter'],
    ['another one that is none', ['inspect', adapter, '--other', model], 1, 'holds no adapter'],
    ['a base that is none', ['inspect', adapter, '--base', adapter], 1, 'config.json'],
    ['intruders without a base', ['inspect', adapter, '--intruders'], 1, 'base model'],
    [
      'a page that cannot be written',
      ['inspect', adapter, '--html', '/nowhere/x.html'],
      1,
      'cannot write',
    ],
    ['a part that is none', ['inspect', adapter, '--energy', '1.5'], 2, 'up to 1'],
    [
      'a plan of an analysis',
      ['inspect', adapter, '--plan', 'x', '--base', model],
      2,
      'cannot be used',
    ],
  ])('refuses %s', async (_, args, code, text) => {
    const failed = await lorikeet(...args);
    expect([failed.code, failed.stderr]).toEqual([code, expect.stringContaining(text)]);
  });

  test('refuses a config that is no JSON', async () => {
    const broken = join(folder, 'broken');
    await cp(adapter, broken, { recursive: true });
    await writeFile(join(broken, 'adapter_config.json'), '{');
    const { code, stderr } = await lorikeet('inspect', broken);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no JSON')]);
  });
});

describe('resize', () => {
  const logitsOf = async (dir: string): Promise<number[]> => {
    const tuned = merge(await loadAdapter(await load(model), dir));
    const inputs = { input_ids: tensor([[5, 9, 2, 17]], [1, 4], 'i32') };
    return [...((await tuned.call(inputs, Context.evaluation).logits?.data()) ?? [])];
  };

  test('writes what PEFT would load, and tells what is kept', async () => {
    const output = join(folder, 'small');
    const found = await json('resize', adapter, '--rank', '2', '--out', output);
    expect(found).toMatchObject({
      output,
      parameters_before: 4 * 2 * 4 * 32 + 99,
      parameters: 4 * 2 * 2 * 32 + 99,
    });
    const { analysis } = await json('inspect', adapter);
    for (const [i, { path, rank, rank_before, energy }] of found.modules.entries()) {
      const values: number[] = analysis.modules[i].singular_values.map((x: number) => x * x);
      const sum = (parts: number[]): number => parts.reduce((a, b) => a + b, 0);
      expect([path, rank, rank_before]).toEqual([analysis.modules[i].path, 2, 4]);
      expect(energy).toBeCloseTo(sum(values.slice(0, 2)) / sum(values), 9);
    }
    const [before, after] = await Promise.all(
      [adapter, output].map(async (dir) =>
        JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8')),
      ),
    );
    // The same words for the placement, and the same scale.
    for (const key of [
      'target_modules',
      'modules_to_save',
      'task_type',
      'base_model_name_or_path',
      'peft_type',
    ])
      expect([key, after[key]]).toEqual([key, before[key]]);
    expect(after.lora_alpha / after.r).toBeCloseTo(before.lora_alpha / before.r, 12);
    expect(await logitsOf(output)).not.toEqual(await logitsOf(adapter));
  });

  test('changes nothing where all is kept, with the base and without', async () => {
    const expected = await logitsOf(adapter);
    for (const base of [[], ['--base', model]]) {
      const output = join(folder, `same${base.length}`);
      const { code, stdout } = await lorikeet(
        'resize',
        adapter,
        '--energy',
        '1',
        '--output',
        output,
        ...base,
      );
      expect(code).toBe(0);
      expect(stdout).toMatch(/self\.query +rank 4 -> 4 +keeps 100\.000 %/);
      for (const [i, value] of (await logitsOf(output)).entries())
        expect(value).toBeCloseTo(expected[i] ?? 0, 4);
    }
  });

  test.each([
    ['neither rank nor energy', [adapter, '--out', 'x'], 1, '--rank or --energy'],
    ['both', [adapter, '--out', 'x', '--rank', '1', '--energy', '1'], 2, 'cannot be used'],
    ['no place to write to', [adapter, '--rank', '1'], 2, '--out'],
    ['to write over the adapter', [adapter, '--rank', '1', '--out', adapter], 1, 'written over'],
    ['what is no adapter', [model, '--rank', '1', '--out', 'x'], 1, 'holds no adapter'],
    ['DoRA', [dora, '--rank', '1', '--out', 'x', '--base', model], 1, 'no low-rank product'],
    ['DoRA without its base', [dora, '--rank', '1', '--out', 'x'], 1, 'base model'],
  ])('refuses %s', async (_, args, code, text) => {
    const failed = await lorikeet('resize', ...args);
    expect([failed.code, failed.stderr]).toEqual([code, expect.stringContaining(text)]);
  });
});
