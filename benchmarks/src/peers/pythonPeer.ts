import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LorikeetError } from '@lorikeet/tensor-core';

/** A script in another process that answers each line with one of JSON. */
export interface PythonPeer {
  /** What it says next. */
  read(): Promise<unknown>;
  /** Tells it to do something, and gives what it says to that. */
  ask(order: string): Promise<unknown>;
  /** Nothing more is asked: it ends. */
  close(): void;
}

/**
 * @param script a file beside this one.
 * @param order what it is started with.
 * @throws LorikeetError `unsupported`, when it is read, if it ends early.
 */
export function startPython(python: string, script: string, order: unknown): PythonPeer {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, [file, JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
  });
  // If it ends early, there is no line to read.
  child.stdin.on('error', () => {});
  const read = async (): Promise<unknown> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true)
      throw new LorikeetError('unsupported', `${python} ended early`, {
        hint: 'it needs torch, transformers and peft',
      });
    return JSON.parse(line.value);
  };
  return {
    read,
    async ask(asked) {
      child.stdin.write(`${asked}\n`);
      return await read();
    },
    close: () => child.stdin.end(),
  };
}
