import { run } from '@lorikeet/cli';
import { vi } from 'vitest';

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process and keeps what it prints. */
export async function lorikeet(...args: string[]): Promise<Captured> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void stdout.push(String(line)));
  const error = vi
    .spyOn(console, 'error')
    .mockImplementation((line) => void stderr.push(String(line)));
  const write = (to: string[]) => (text: string | Uint8Array) => to.push(String(text)) > 0;
  const out = vi.spyOn(process.stdout, 'write').mockImplementation(write(stdout));
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(write(stderr));
  try {
    return { code: await run(args), stdout: stdout.join('\n'), stderr: stderr.join('\n') };
  } finally {
    for (const spy of [log, error, out, err]) spy.mockRestore();
  }
}
