import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { BenchmarkModel } from '../sizes.ts';
import type { StepSizes } from '../trainingStep.ts';

export interface PytorchPeer {
  /** One step there; waits for it. */
  step(): Promise<void>;
  /** Ends the process. */
  end(): Promise<{
    readonly name: string;
    readonly version: string;
    readonly threads: number;
    readonly peak_rss_mib: number;
    /** Seconds of processor time, from its start to its end. */
    readonly cpu_s: number;
    /** Of the products of one step. */
    readonly gflop_per_step: number;
  }>;
}

interface PytorchSizes extends StepSizes {
  /** How many numbers it has to train, to be the same step. */
  readonly trainable: number;
}

const script = fileURLToPath(new URL('./pytorch_step.py', import.meta.url));

/** The same step in another process, by torch, transformers and peft: it takes a step whenever it is told to. */
export async function startPytorch(
  python: string,
  threads: number,
  { config, targets, isCausal }: BenchmarkModel,
  sizes: PytorchSizes,
): Promise<PytorchPeer> {
  const modules = targets.replaceAll(/[*.{}]/g, '').split(',');
  const order = JSON.stringify({ config, modules, isCausal, threads, ...sizes });
  const child = spawn(python, [script, order], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
  });
  // If it ends early, there is no line to read.
  child.stdin.on('error', () => {});
  const read = async (): Promise<string> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true)
      throw new LorikeetError('unsupported', `${python} ended early`, {
        hint: 'it needs torch, transformers and peft',
      });
    return line.value;
  };
  const { version, trainable } = JSON.parse(await read()) as {
    readonly version: string;
    readonly trainable: number;
  };
  if (trainable !== sizes.trainable)
    throw new LorikeetError('internal', 'the rival does not take the same step', {
      expected: `${sizes.trainable} trained numbers`,
      received: `${trainable}`,
    });
  return {
    async step() {
      child.stdin.write('step\n');
      await read();
    },
    async end() {
      child.stdin.write('end\n');
      const figures = JSON.parse(await read()) as {
        readonly peak_rss_mib: number;
        readonly cpu_s: number;
        readonly gflop_per_step: number;
      };
      child.stdin.end();
      return { name: 'torch + peft', version, threads, ...figures };
    },
  };
}
