import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { generate } from './scripts/generate.mjs';

generate();

// The same tests run twice: on the sources, and on what tsup built from them.
const built = process.env.LORIKEET_BUILT === '1';
const source = built ? [] : ['lorikeet-source'];

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  resolve: { conditions: [...source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [...source, ...defaultServerConditions] } },
  test: {
    include: ['{packages,examples}/*/test/**/*.test.ts', 'docs/test/**/*.test.ts'],
    setupFiles: built ? [] : ['./scripts/testBackend.ts'],
    // Three times what the slowest takes: a shared machine stands still now and then.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Not threads: ONNX Runtime's binding does not survive the end of a worker.
    pool: 'forks',
    maxWorkers: 2,
  },
});
