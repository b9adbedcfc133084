import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, sep } from 'node:path';
import { packageVersion } from './packageVersion.ts';

export interface GemmPeer {
  readonly name: string;
  readonly version: string;
  /** What it computes with. */
  readonly runsOn: { readonly threads: number } | { readonly adapter: string };
  /** Puts the matrices where the rival wants them. */
  prepare(
    a: Float32Array,
    b: Float32Array,
    shape: readonly [m: number, k: number, n: number],
  ): Promise<GemmWork>;
  /** Seconds of processor time that it took besides this process. */
  end(): Promise<number>;
}

export interface GemmWork {
  /** Multiplies anew and waits until the result is on the host; gives the seconds if they were measured elsewhere. */
  run(): Promise<unknown>;
  /** The result of the last run. */
  read(): Promise<ArrayLike<number>>;
  dispose(): void;
}

const require = createRequire(import.meta.url);

/** The rivals that multiply matrices on a CPU in Node, both in WebAssembly on one thread. */
export async function wasmGemmPeers(): Promise<readonly GemmPeer[]> {
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
    runsOn: { threads: 1 },
    async prepare(a, b, [m, k, n]) {
      const [x, y] = [tf.tensor2d(a, [m, k]), tf.tensor2d(b, [k, n])];
      let values: ArrayLike<number> = [];
      return {
        async run() {
          const product = tf.matMul(x, y);
          values = await product.data();
          product.dispose();
        },
        read: async () => values,
        dispose() {
          x.dispose();
          y.dispose();
        },
      };
    },
    end: async () => 0,
  };
}

async function jax(): Promise<GemmPeer> {
  const { defaultDevice, init, numpy } = await import('@jax-js/jax');
  await init('wasm');
  defaultDevice('wasm');
  return {
    name: 'jax-js wasm',
    version: await packageVersion('@jax-js/jax'),
    // Its workers are those of browsers.
    runsOn: { threads: 1 },
    async prepare(a, b, [m, k, n]) {
      const x = numpy.array(a, { shape: [m, k] });
      const y = numpy.array(b, { shape: [k, n] });
      let values: ArrayLike<number> = [];
      return {
        async run() {
          // Its functions take their arguments over.
          values = await numpy.matmul(x.ref, y.ref).data();
        },
        read: async () => values,
        dispose() {
          x.dispose();
          y.dispose();
        },
      };
    },
    end: async () => 0,
  };
}
