import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './gate.mjs';
import { pnpm, root } from './install.mjs';

/** The checks of what a user would download: each package, packed as for publishing. */
export async function packedGates() {
  const folder = join(root, 'node_modules/.cache/lorikeet/packed');
  rmSync(folder, { recursive: true, force: true });
  const filter = ['--filter', './packages/*'];
  const { code, output } = await run([
    ...pnpm,
    '-r',
    ...filter,
    'pack',
    '--pack-destination',
    folder,
  ]);
  if (code !== 0) throw new Error(`pnpm pack failed\n${output}`);
  const tarballs = readdirSync(folder).map((file) => join(folder, file));
  return [
    { name: 'attw', commands: tarballs.map((file) => ['attw', '--profile', 'esm-only', file]) },
    { name: 'publint', commands: tarballs.map((file) => ['publint', '--strict', file]) },
  ];
}
