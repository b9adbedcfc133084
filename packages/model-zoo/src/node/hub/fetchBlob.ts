import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { downloadFile } from '@huggingface/hub';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { HubSettings } from './hubOptions.ts';

/** A file of a model, as the hub lists it. */
export interface HubFile {
  readonly name: string;
  readonly size: number;
  /** SHA-256 of a large file, else the SHA-1 that git gives it. */
  readonly hash: string;
}

/**
 * Fetches a file into the cache, unless it is there. It gets its name when all of it is here and its hash is what the hub says.
 *
 * @param onBytes is told of each part that came.
 */
export async function fetchBlob(
  { repo, commit, path }: { readonly repo: string; readonly commit: string; readonly path: string },
  file: HubFile,
  { endpoint, token }: HubSettings,
  onBytes: (count: number) => void,
): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  if (present?.size === file.size) return onBytes(file.size);
  const blob = await downloadFile({
    repo: { type: 'model', name: repo },
    path: file.name,
    revision: commit,
    hubUrl: endpoint,
    ...(token !== undefined && { accessToken: token }),
  });
  await mkdir(dirname(path), { recursive: true });
  // Several programs may fetch the same file.
  const incomplete = `${path}.${randomUUID()}.incomplete`;
  const hash = hashOf(file);
  let size = 0;
  try {
    const handle = await open(incomplete, 'wx');
    try {
      for await (const part of blob === null ? [] : partsOf(blob)) {
        size += part.byteLength;
        if (size > file.size) break;
        hash.update(part);
        await handle.write(part);
        onBytes(part.byteLength);
      }
    } finally {
      await handle.close();
    }
    const received = hash.digest('hex');
    if (size !== file.size || received !== file.hash) {
      throw new LorikeetError('download-failed', 'another content came than the hub announced', {
        path: `${repo}: ${file.name}`,
        expected: `${file.size} bytes, ${file.hash}`,
        received: `${size > file.size ? 'more' : `${size} bytes`}, ${received}`,
        hint: 'nothing of it was kept: try again',
      });
    }
    await rename(incomplete, path);
  } finally {
    await rm(incomplete, { force: true });
  }
}

async function* partsOf(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function hashOf({ hash, size }: HubFile): ReturnType<typeof createHash> {
  if (hash.length === 64) return createHash('sha256');
  return createHash('sha1').update(`blob ${size}\0`);
}
