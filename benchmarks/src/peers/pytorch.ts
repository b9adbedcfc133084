import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchmarkModel } from '../sizes.ts';
import type { StepSizes } from '../trainingStep.ts';

export interface PytorchPeer {
  /** One step there; waits for it. */
  step(): Promise<void>;
  /** Ends the process. */
  end(): Promise<{
    readonly name: string;
    readonly version: string;
    readonly peak_rss_mib: number;
  }>;
}

const script = fileURLToPath(new URL('./pytorch_step.py', import.meta.url));

/** The same step in another process, by torch, transformers and peft: it takes a step whenever it is told to. */
export async function startPytorch(
  python: string,
  threads: number,
  { config, targets, isCausal }: BenchmarkModel,
  sizes: StepSizes,
): Promise<PytorchPeer> {
  const modules = targets.replaceAll(/[*.{}]/g, '').split(',');
  const order = JSON.stringify({ config, modules, isCausal, threads, ...sizes });
  const child = spawn(python, [script, order], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
  });
  const read = async (): Promise<string> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true)
      throw new Error(`${python} ended early: are torch, transformers and peft there?`);
    return line.value;
  };
  const version = await read();
  return {
    async step() {
      child.stdin.write('step\n');
      await read();
    },
    async end() {
      child.stdin.write('end\n');
      const peak_rss_mib = Number(await read());
      child.stdin.end();
      return { name: 'torch + peft', version, peak_rss_mib };
    },
  };
}
