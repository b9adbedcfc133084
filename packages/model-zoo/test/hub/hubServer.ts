import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A program that answers as the hub does, for one model. */
export interface HubServer {
  readonly url: string;
  readonly commit: string;
  /** What was asked for, newest last: methods are GET alone. */
  readonly requests: string[];
  /** Answers with another content than announced, or not at all. */
  fault: 'none' | 'short' | 'other' | 'long' | 'broken' | 'locked';
  /** Whether a file's hash is that of large ones. */
  isLarge: boolean;
  close(): Promise<void>;
}

export async function hubServer(
  repo: string,
  files: Readonly<Record<string, Uint8Array>>,
  commit: string = 'c'.repeat(40),
): Promise<HubServer> {
  const state = { fault: 'none' as HubServer['fault'], isLarge: false };
  const requests: string[] = [];
  const listing = (): unknown =>
    Object.entries(files).map(([path, bytes]) => {
      const sha1 = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const lfs = { oid: sha256, size: bytes.length, pointerSize: 130 };
      return { type: 'file', path, size: bytes.length, oid: sha1, ...(state.isLarge && { lfs }) };
    });
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = new URL(request.url ?? '', 'http://hub').pathname;
    requests.push(path);
    if (state.fault === 'broken') return void request.socket.destroy();
    if (state.fault === 'locked' && request.headers.authorization !== 'Bearer hf_secret') {
      response.writeHead(401, { 'Content-Type': 'application/json' });
      return void response.end(JSON.stringify({ error: 'access is restricted' }));
    }
    const json = (value: unknown): void => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const api = `/api/models/${repo}`;
    if (path === `${api}/revision/main` || path === `${api}/revision/${commit}`)
      return void json({ _id: '1', id: repo, sha: commit, private: false, downloads: 0, likes: 0 });
    if (path === `${api}/tree/${commit}`) return void json(listing());
    const resolve = `/${repo}/resolve/${commit}/`;
    const bytes = path.startsWith(resolve) ? files[path.slice(resolve.length)] : undefined;
    if (bytes === undefined) {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      return void response.end(JSON.stringify({ error: 'not found' }));
    }
    const etag = { ETag: `"${path}"` };
    if (request.headers.range === 'bytes=0-0') {
      response.writeHead(206, { ...etag, 'Content-Range': `bytes 0-0/${bytes.length}` });
      return void response.end(bytes.subarray(0, 1));
    }
    response.writeHead(200, etag);
    if (state.fault === 'short') return void response.end(bytes.subarray(0, -1));
    if (state.fault === 'other') return void response.end(Buffer.alloc(bytes.length, 7));
    if (state.fault === 'long') return void response.end(Buffer.concat([bytes, bytes]));
    response.end(bytes);
  };
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    commit,
    requests,
    close: () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  });
}
