import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join, sep } from 'node:path';

export interface GemmPeer {
  readonly name: string;
  readonly version: string;
  readonly threads: number;
  /** Puts the matrices where the rival wants them. `run` multiplies them anew and waits until the result is there. */
  prepare(
    a: Float32Array,
    b: Float32Array,
    shape: readonly [m: number, k: number, n: number],
  ): Promise<{ run(): Promise<ArrayLike<number>>; dispose(): void }>;
}

const require = createRequire(import.meta.url);

/** The rivals that multiply matrices on a CPU in Node, both in WebAssembly on one thread. */
export async function gemmPeers(): Promise<readonly GemmPeer[]> {
  // jax-js asks it for the number of threads.
  if (!('navigator' in globalThis))
    Object.defineProperty(globalThis, 'navigator', {
      configurable: true,
      value: { userAgent: 'node', hardwareConcurrency: cpus().length },
    });
  return [await tensorflow(), await jax()];
}

async function tensorflow(): Promise<GemmPeer> {
  const tf = await import('@tensorflow/tfjs');
  const { setWasmPaths, version_wasm } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(
    dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm')) + sep,
  );
  await tf.setBackend('wasm');
  await tf.ready();
  return {
    name: 'tfjs-backend-wasm',
    version: version_wasm,
    threads: 1,
    async prepare(a, b, [m, k, n]) {
      const [x, y] = [tf.tensor2d(a, [m, k]), tf.tensor2d(b, [k, n])];
      return {
        async run() {
          const product = tf.matMul(x, y);
          const values = await product.data();
          product.dispose();
          return values;
        },
        dispose() {
          x.dispose();
          y.dispose();
        },
      };
    },
  };
}

async function jax(): Promise<GemmPeer> {
  const { defaultDevice, init, numpy } = await import('@jax-js/jax');
  await init('wasm');
  defaultDevice('wasm');
  const folder = dirname(dirname(require.resolve('@jax-js/jax')));
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    name: 'jax-js wasm',
    version,
    // Its workers are those of browsers.
    threads: 1,
    async prepare(a, b, [m, k, n]) {
      const x = numpy.array(a, { shape: [m, k] });
      const y = numpy.array(b, { shape: [k, n] });
      return {
        async run() {
          // Its functions take their arguments over.
          return await numpy.matmul(x.ref, y.ref).data();
        },
        dispose() {
          x.dispose();
          y.dispose();
        },
      };
    },
  };
}
