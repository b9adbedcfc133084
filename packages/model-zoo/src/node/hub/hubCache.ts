import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getHFHubCachePath, getRepoFolderName } from '@huggingface/hub';
import { type Need, neededFiles, shardNames } from './neededFiles.ts';

const commit = /^[0-9a-f]{40}$/;

/** Whether a revision never changes. */
export function isCommit(revision: string): boolean {
  return commit.test(revision);
}

/**
 * One model in the cache that Hugging Face's programs share: `blobs` by their hash, `snapshots` with a folder of links for each
 * commit, and `refs` with the commit of each branch.
 */
export class HubCache {
  readonly #dir: string;

  constructor(repo: string, cacheDir: string = getHFHubCachePath()) {
    this.#dir = join(cacheDir, getRepoFolderName({ name: repo, type: 'model' }));
  }

  get path(): string {
    return this.#dir;
  }

  snapshot(commit: string): string {
    return join(this.#dir, 'snapshots', commit);
  }

  blob(hash: string): string {
    return join(this.#dir, 'blobs', hash);
  }

  /** The commit of a revision, as far as it is known here. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.#dir, 'refs', revision), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  async setCommit(revision: string, to: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = join(this.#dir, 'refs', revision);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, to);
  }

  /** The folder of a commit, if all that is needed is in it. */
  async complete(commit: string | undefined, need: Need): Promise<string | undefined> {
    if (commit === undefined) return undefined;
    const folder = this.snapshot(commit);
    const names = await readdir(folder).catch(() => []);
    const isThere = async (name: string): Promise<boolean> =>
      (await stat(join(folder, name)).catch(() => undefined)) !== undefined;
    const present = new Set<string>();
    for (const name of names) if (await isThere(name)) present.add(name);
    const needed = neededFiles(present, need);
    if (needed === undefined) return undefined;
    if (needed.index === undefined) return folder;
    const index = await readFile(join(folder, needed.index), 'utf8').then(JSON.parse, () => null);
    return shardNames(index, present) && folder;
  }

  /** Puts a blob into the folder of a commit: a link, or a copy where there are none. */
  async link(commit: string, name: string, hash: string): Promise<void> {
    const path = join(this.snapshot(commit), name);
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    const target = relative(dirname(path), this.blob(hash));
    await symlink(target, path).catch(() => copyFile(this.blob(hash), path));
  }
}
