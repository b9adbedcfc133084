import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Bundle } from './bundle.ts';

const always = [
  ...['--headless', '--no-sandbox', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/**
 * Opens a page in a browser of its own, and waits for the report that it posts to `/report` as JSON.
 *
 * @param browser its program.
 * @param flags besides those that every test needs.
 * @throws Error if the browser ends before.
 */
export async function reportOf<Report>(
  page: Bundle,
  browser: string,
  flags: readonly string[],
): Promise<Report> {
  const profile = mkdtempSync(join(tmpdir(), 'lorikeet-chromium-'));
  let child: ChildProcess | undefined;
  const server = createServer();
  try {
    return await new Promise<Report>((resolve, reject) => {
      server.on('request', (request, response) => {
        if (request.url === '/report')
          text(request).then((body) => resolve(JSON.parse(body)), reject);
        serve(page, request.url ?? '', response);
      });
      server.listen(0, '127.0.0.1', () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const args = [...always, ...flags, `--user-data-dir=${profile}`, url];
        child = spawn(browser, args, { stdio: 'ignore' });
        child.once('close', (code) => reject(new Error(`Chromium ended with ${code}`)));
      });
    });
  } finally {
    await end(child);
    server.close();
    // Its processes end one after the other.
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    } catch {
      // A browser that is killed may still write there for a moment; that is no fault of what is tested.
    }
  }
}

/** Isolated, so that there are threads. */
function serve(page: Bundle, url: string, response: ServerResponse): void {
  const path = url.slice(1);
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  response.setHeader('Content-Type', types[extname(path)] ?? 'text/html');
  response.end(page.files.get(path) ?? `<script type="module" src="/${page.entry}"></script>`);
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill();
  await closed;
}
