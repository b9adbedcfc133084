// Writes the barrels that git ignores, so that a new op, variant or model family is one new file
// or folder and no edit elsewhere: the folder is the registry.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The barrels: a folder, and the files inside it that are exported. */
const barrels = [
  { folder: 'packages/tensor-core/src/ops', exported: /^[^/]+\/[^/]+\.ts$/ },
  { folder: 'packages/peft-lora/src/variants', exported: /^[^/]+\.ts$/ },
  { folder: 'packages/model-zoo/src/families', exported: /^[^/]+\/index\.ts$/ },
];

export function generate() {
  for (const { folder, exported } of barrels) {
    const path = join(root, folder);
    if (!existsSync(path)) continue;
    const files = readdirSync(path, { recursive: true })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => exported.test(file) && file !== 'index.ts')
      .sort();
    const lines = files.map((file) => `export * from './${file}';`);
    writeIfChanged(
      join(path, 'index.ts'),
      ['// Written by scripts/generate.mjs.', ...lines, ''].join('\n'),
    );
  }
}

// An unchanged file keeps its time, so that watchers and caches stay quiet.
function writeIfChanged(path, text) {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generate();
