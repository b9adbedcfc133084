import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DownloadProgress, load, loadTokenizer } from '@lorikeet/model-zoo/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HubServer, hubServer } from './hubServer.ts';

const repo = 'lorikeets/tiny';
const golden = fileURLToPath(new URL('../golden/', import.meta.url));
const tokenizerFiles = fileURLToPath(new URL('../fixtures/tokenizers/bert/', import.meta.url));

async function folderFiles(dir: string): Promise<Record<string, Uint8Array>> {
  const names = await readdir(dir);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(dir, name))] as const)),
  );
}

let whole: HubServer;
let sharded: HubServer;
beforeAll(async () => {
  const tokenizer = await folderFiles(tokenizerFiles);
  whole = await hubServer(repo, {
    ...(await folderFiles(join(golden, 'gpt2-lm'))),
    ...tokenizer,
    'pytorch_model.bin': new Uint8Array(5),
  });
  sharded = await hubServer(repo, await folderFiles(join(golden, 'gpt2-lm-sharded')));
});
afterAll(async () => {
  await whole.close();
  await sharded.close();
});

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-'));
});
afterEach(async () => {
  whole.fault = 'none';
  whole.isLarge = false;
  await rm(cacheDir, { recursive: true, force: true });
});

/** Files that were fetched since the last call. */
function fetched({ requests }: HubServer): readonly string[] {
  const names = requests.splice(0).filter((path) => path.includes('/resolve/'));
  return [...new Set(names.map((path) => path.split('/').at(-1) ?? ''))];
}
const from = ({ url }: HubServer) => ({ endpoint: url, cacheDir, token: 'hf_other' });
const blobs = async (): Promise<readonly string[]> =>
  await readdir(join(cacheDir, 'models--lorikeets--tiny', 'blobs')).catch(() => []);

describe.each([false, true])('a model of a hub (large files: %s)', (isLarge) => {
  beforeEach(() => {
    whole.isLarge = isLarge;
  });

  test('is fetched into the layout of the cache, and of it only what is needed', async () => {
    const reports: DownloadProgress[] = [];
    const model = await load(repo, { ...from(whole), onProgress: (one) => reports.push(one) });
    expect(model.config.model_type).toBe('gpt2');
    expect(fetched(whole)).toEqual(['config.json', 'model.safetensors']);
    const dir = join(cacheDir, 'models--lorikeets--tiny');
    expect(await readFile(join(dir, 'refs', 'main'), 'utf8')).toBe(whole.commit);
    const link = join(dir, 'snapshots', whole.commit, 'config.json');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readlink(link)).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]+$/);
    expect((await readlink(link)).length).toBe('../../blobs/'.length + (isLarge ? 64 : 40));
    const last = reports.at(-1);
    expect(last?.loaded).toBe(last?.total);
    expect(last?.file).toBe('model.safetensors');
  });

  test('is not fetched twice', async () => {
    await load(repo, from(whole));
    fetched(whole);
    await load(repo, from(whole));
    expect(fetched(whole)).toEqual([]);
    await loadTokenizer(repo, from(whole));
    expect(fetched(whole)).toEqual(['tokenizer_config.json', 'tokenizer.json']);
  });
});

test('a model of a commit that is in the cache asks nobody', async () => {
  const options = { ...from(whole), revision: whole.commit };
  await load(repo, options);
  whole.requests.splice(0);
  await load(repo, options);
  expect(whole.requests).toEqual([]);
});

test('a model in parts is whole when all parts are there', async () => {
  await load(repo, from(sharded));
  expect(fetched(sharded)).toHaveLength(5);
  const dir = join(cacheDir, 'models--lorikeets--tiny', 'snapshots', sharded.commit);
  await load(repo, { ...from(sharded), offline: true });
  await rm(join(dir, 'model-00002-of-00003.safetensors'));
  await expect(load(repo, { ...from(sharded), offline: true })).rejects.toMatchObject({
    code: 'download-failed',
  });
  await load(repo, from(sharded));
  // The part was still among the blobs.
  expect(fetched(sharded)).toEqual([]);
});

test('offline, what is in the cache is used, and nothing else', async () => {
  const offline = { ...from(whole), offline: true };
  await expect(load(repo, offline)).rejects.toMatchObject({
    code: 'download-failed',
    received: expect.stringContaining('offline'),
  });
  await load(repo, from(whole));
  whole.requests.splice(0);
  await load(repo, offline);
  await expect(loadTokenizer(repo, offline)).rejects.toMatchObject({ code: 'download-failed' });
  expect(whole.requests).toEqual([]);
  process.env.HF_HUB_OFFLINE = '1';
  try {
    await load(repo, from(whole));
    expect(whole.requests).toEqual([]);
  } finally {
    delete process.env.HF_HUB_OFFLINE;
  }
});

test('without a network, what is in the cache is used', async () => {
  whole.fault = 'broken';
  await expect(load(repo, from(whole))).rejects.toMatchObject({
    code: 'download-failed',
    hint: expect.stringContaining('folder'),
  });
  whole.fault = 'none';
  await load(repo, from(whole));
  whole.fault = 'broken';
  expect((await load(repo, from(whole))).config.model_type).toBe('gpt2');
});

describe.each(['short', 'other', 'long'] as const)('a content that is %s', (fault) => {
  test.each([false, true])(
    'is refused and nothing of it kept (large files: %s)',
    async (isLarge) => {
      whole.fault = fault;
      whole.isLarge = isLarge;
      await expect(load(repo, from(whole))).rejects.toMatchObject({ code: 'download-failed' });
      expect(await blobs()).toEqual([]);
      whole.fault = 'none';
      await load(repo, from(whole));
      expect(await blobs()).toHaveLength(2);
    },
  );
});

test('a file that was cut off in the cache is fetched again', async () => {
  await load(repo, from(whole));
  const dir = join(cacheDir, 'models--lorikeets--tiny');
  const blob = join(
    dir,
    'snapshots',
    whole.commit,
    await readlink(join(dir, 'snapshots', whole.commit, 'model.safetensors')),
  );
  await writeFile(blob, (await readFile(blob)).subarray(0, 100));
  fetched(whole);
  await load(repo, from(whole));
  expect(fetched(whole)).toEqual(['model.safetensors']);
});

test('a model that is locked needs a token', async () => {
  whole.fault = 'locked';
  await expect(load(repo, from(whole))).rejects.toMatchObject({
    code: 'download-failed',
    hint: expect.stringContaining('HF_TOKEN'),
  });
  await load(repo, { ...from(whole), token: 'hf_secret' });
});

test('the environment says where the hub and the cache are, and the token', async () => {
  whole.fault = 'locked';
  const set = { HF_ENDPOINT: `${whole.url}/`, HF_HUB_CACHE: cacheDir, HF_TOKEN: 'hf_secret' };
  const before = Object.keys(set).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, set);
  try {
    await load(repo);
    expect(await blobs()).toHaveLength(2);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('names and revisions that are not there, or lead elsewhere, are refused', async () => {
  await expect(load('lorikeets/none', from(whole))).rejects.toMatchObject({
    code: 'download-failed',
    hint: expect.stringContaining('name'),
  });
  for (const revision of ['../../x', '/etc', 'a/../../b'])
    await expect(load(repo, { ...from(whole), revision })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  const sole = await hubServer(repo, { 'README.md': new Uint8Array(3) });
  await expect(load(repo, from(sole))).rejects.toMatchObject({
    code: 'download-failed',
    received: 'README.md',
  });
  await sole.close();
});

test('an index whose parts lead out of the folder fetches nothing', async () => {
  const index = { weight_map: { a: '../../../../evil.safetensors' } };
  const evil = await hubServer(repo, {
    'config.json': Buffer.from('{}'),
    'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
  });
  await expect(load(repo, from(evil))).rejects.toMatchObject({ code: 'download-failed' });
  await evil.close();
});

test('a hub that announces paths or hashes of another kind is refused', async () => {
  const odd = await hubServer(repo, { 'config.json': Buffer.from('{}') }, '../../evil');
  await expect(load(repo, from(odd))).rejects.toMatchObject({ code: 'download-failed' });
  await odd.close();
});
