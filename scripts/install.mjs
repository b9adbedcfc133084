import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from './generate.mjs';

/** The repository's root folder, wherever the caller stands. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** A command line that runs the pinned pnpm, which no machine needs to have. */
export const pnpm = ['npx', '--yes', '--loglevel=error', packageManager];

/** Installs what is missing and writes the barrels. Speaks on stderr only. */
export function install() {
  if (!isInstalled()) {
    console.error('Installing dependencies ...');
    const [command, ...args] = [...pnpm, 'install', '--frozen-lockfile'];
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CI: 'true' },
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) {
      console.error(`${stdout ?? ''}${stderr ?? ''}The installation failed.`);
      process.exit(1);
    }
  }
  generate();
}

// pnpm keeps a copy of the lockfile that it last installed.
function isInstalled() {
  try {
    const wanted = readFileSync(join(root, 'pnpm-lock.yaml'));
    return wanted.equals(readFileSync(join(root, 'node_modules/.pnpm/lock.yaml')));
  } catch {
    return false;
  }
}
