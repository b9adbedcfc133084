import { LorikeetError } from '@lorikeet/tensor-core';
import type { BenchmarkModel } from '../sizes.ts';
import type { StepSizes } from '../trainingStep.ts';
import { startPython } from './pythonPeer.ts';

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
  /** The adapter's config, as PEFT reads it. */
  readonly adapter: Readonly<Record<string, unknown>>;
  /** How many tasks the rows of a batch have, in turn. */
  readonly tasks: number | undefined;
}

/** The same step in another process, by torch, transformers and peft: it takes a step whenever it is told to. */
export async function startPytorch(
  python: string,
  threads: number,
  { config, isCausal }: BenchmarkModel,
  sizes: PytorchSizes,
): Promise<PytorchPeer> {
  const peer = startPython(python, './pytorch_step.py', { config, isCausal, threads, ...sizes });
  const { version, trainable } = (await peer.read()) as {
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
      await peer.ask('step');
    },
    async end() {
      const figures = (await peer.ask('end')) as {
        readonly peak_rss_mib: number;
        readonly cpu_s: number;
        readonly gflop_per_step: number;
      };
      peer.close();
      return { name: 'torch + peft', version, threads, ...figures };
    },
  };
}
