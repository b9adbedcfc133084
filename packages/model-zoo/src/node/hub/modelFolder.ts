import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import { fetchBlob, type HubFile } from './fetchBlob.ts';
import { HubCache, isCommit } from './hubCache.ts';
import { type HubOptions, type HubSettings, hubSettings } from './hubOptions.ts';
import { type Need, neededFiles, shardNames } from './neededFiles.ts';

/** `organisation/name`, or a name alone. */
const repoId = /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/;

/**
 * The folder of a model: itself, or that of the cache if it is the name of a model on a hub, with what is needed in it. Of a
 * hub only what is needed is fetched, and what is in the cache is not fetched again.
 *
 * @throws LorikeetError `download-failed` if it is neither here nor to be had; `invalid-argument` for a revision that could lead
 *   out of the cache.
 */
export async function modelFolder(
  dirOrId: string,
  need: Need,
  options: HubOptions,
): Promise<string> {
  const isFolder = (await stat(dirOrId).catch(() => undefined))?.isDirectory() === true;
  if (isFolder || !repoId.test(dirOrId)) return dirOrId;
  const settings = hubSettings(options);
  const { revision, offline, cacheDir } = settings;
  if (!/^\w[\w./-]*$/.test(revision) || revision.includes('..')) {
    throw new LorikeetError('invalid-argument', 'no revision is called so', {
      path: 'revision',
      expected: 'a branch, a tag or a commit',
      received: revision,
    });
  }
  const cache = new HubCache(dirOrId, cacheDir);
  const cached = await cache.complete(await cache.commitOf(revision), need);
  if (cached !== undefined && (offline || isCommit(revision))) return cached;
  if (offline) throw notCached(dirOrId, need, cache, 'the hub is not asked when offline');
  try {
    return await fetchFolder(dirOrId, need, cache, settings);
  } catch (fault) {
    if (isLorikeetError(fault)) throw fault;
    if (!(fault instanceof HubApiError) || fault.statusCode >= 500) {
      if (cached !== undefined) return cached;
      throw notCached(dirOrId, need, cache, messageOf(fault), fault);
    }
    throw refused(dirOrId, settings, fault);
  }
}

async function fetchFolder(
  repo: string,
  need: Need,
  cache: HubCache,
  settings: HubSettings,
): Promise<string> {
  const { revision, endpoint, token, onProgress } = settings;
  const access = { hubUrl: endpoint, ...(token !== undefined && { accessToken: token }) };
  const { sha } = await modelInfo({ name: repo, revision, additionalFields: ['sha'], ...access });
  if (!isCommit(sha)) throw announced(repo, `the commit ${sha.slice(0, 100)}`);
  const files = new Map<string, HubFile>();
  const listing = { repo: { type: 'model' as const, name: repo }, revision: sha, ...access };
  for await (const { type, path, size, oid, lfs } of listFiles(listing)) {
    if (type !== 'file' || !/^[\w-][\w.-]*$/.test(path)) continue;
    const hash = lfs?.oid ?? oid ?? '';
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash) || !Number.isSafeInteger(size) || size < 0)
      throw announced(repo, `${path} of ${size} bytes, ${hash.slice(0, 100)}`);
    files.set(path, { name: path, size, hash });
  }
  const names = new Set(files.keys());
  const needed = neededFiles(names, need);
  if (needed === undefined) throw lacking(repo, need, names);

  let [loaded, total] = [0, 0];
  const fetch = async (wanted: readonly string[]): Promise<void> => {
    const list = wanted.flatMap((name) => files.get(name) ?? []);
    total += list.reduce((sum, { size }) => sum + size, 0);
    for (const file of list) {
      await fetchBlob(
        { repo, commit: sha, path: cache.blob(file.hash) },
        file,
        settings,
        (count) => {
          loaded += count;
          onProgress({ file: file.name, loaded, total });
        },
      );
      await cache.link(sha, file.name, file.hash);
    }
  };
  await fetch(needed.files);
  if (needed.index !== undefined) {
    const path = join(cache.snapshot(sha), needed.index);
    const shards = shardNames(await readFile(path, 'utf8').then(JSON.parse, () => null), names);
    if (shards === undefined) throw lacking(repo, need, names);
    await fetch(shards);
  }
  await cache.setCommit(revision, sha);
  return cache.snapshot(sha);
}

const messageOf = (fault: unknown): string => {
  if (!(fault instanceof Error)) return String(fault);
  return fault.cause instanceof Error ? `${fault.message}: ${fault.cause.message}` : fault.message;
};

const whole = {
  model: 'config.json and weights as safetensors or pytorch_model.bin',
  tokenizer: 'tokenizer.json, vocab.txt, or vocab.json and merges.txt',
};

function notCached(
  repo: string,
  need: Need,
  cache: HubCache,
  received: string,
  cause?: unknown,
): LorikeetError {
  return new LorikeetError('download-failed', `'${repo}' is no folder, and not in the cache`, {
    path: cache.path,
    expected: whole[need],
    received,
    hint: 'give the path of a folder, or go online once',
    cause,
  });
}

function refused(repo: string, settings: HubSettings, fault: HubApiError): LorikeetError {
  const isLocked = [401, 403].includes(fault.statusCode);
  return new LorikeetError('download-failed', `'${repo}' is no folder, and the hub refuses it`, {
    path: `${settings.endpoint}/${repo}, revision ${settings.revision}`,
    received: fault.message,
    hint: isLocked
      ? 'ask for access on its page, and give a token: the option token or HF_TOKEN'
      : 'check the name and the revision, or give the path of a folder',
    cause: fault,
  });
}

function lacking(repo: string, need: Need, names: ReadonlySet<string>): LorikeetError {
  return new LorikeetError('download-failed', `'${repo}' does not have what is needed`, {
    path: repo,
    expected: whole[need],
    received: [...names].slice(0, 20).join(', ') || 'no files',
  });
}

function announced(repo: string, received: string): LorikeetError {
  return new LorikeetError('download-failed', 'the hub announces what cannot be', {
    path: repo,
    received,
  });
}
