import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';
import { type Bundle, bundle } from './bundle.ts';
import type { PageReport } from './webPage.ts';

const chromium = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

let page: Bundle;
beforeAll(async () => {
  page = await bundle('webPage.ts');
});

test('the entry for browsers imports no module of Node', () => {
  expect(page.builtins).toEqual([]);
  expect([...page.files.keys()].some((name) => name.endsWith('.wasm'))).toBe(true);
});

test('a LoRA step in Chromium has the gradients of the reference', async ({ skip }) => {
  if (chromium === undefined) {
    console.warn('Not checked: the backend in a browser. There is no Chromium on this machine.');
    skip('there is no Chromium');
    return;
  }
  const { error, reason, difference, count } = await reportOf(chromium);
  expect(error).toBeUndefined();
  expect(reason).toBe('ONNX Runtime in WebAssembly, several threads');
  expect(count).toBeGreaterThan(1000);
  expect(difference).toBeLessThan(1e-5);
});

const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Opens the page in a browser of its own, and waits for what it has to tell. */
async function reportOf(browser: string): Promise<PageReport> {
  const profile = mkdtempSync(join(tmpdir(), 'lorikeet-chromium-'));
  let child: ChildProcess | undefined;
  const server = createServer();
  try {
    return await new Promise<PageReport>((resolve, reject) => {
      server.on('request', (request, response) => {
        if (request.url === '/report')
          text(request).then((body) => resolve(JSON.parse(body)), reject);
        serve(request.url ?? '', response);
      });
      server.listen(0, '127.0.0.1', () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        child = spawn(browser, [...flags, `--user-data-dir=${profile}`, url], { stdio: 'ignore' });
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
function serve(url: string, response: ServerResponse): void {
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
