import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FitCallbacks, FitStart } from '../fitOptions.ts';

/**
 * Writes a line of JSON for each step and each evaluation, as callbacks of `fit`. Keys are in snake_case, with units. Lines that a run wrote behind the
 * checkpoint from which it goes on are dropped, so that each step is there once.
 *
 * @example
 * await fit({ ...options, callbacks: [jsonlLog('out/run/log.jsonl')] });
 */
export function jsonlLog(path: string): FitCallbacks {
  let file: FileHandle | undefined;
  const lines: string[] = [];
  let writing: Promise<void> = Promise.resolve();
  const flush = (): void => {
    writing = writing.then(async () => {
      const text = lines.splice(0).join('');
      if (text !== '') await file?.appendFile(text);
    });
    // Told by the next evaluation, or at the end.
    writing.catch(() => undefined);
  };
  const write = (line: Readonly<Record<string, unknown>>): void => {
    lines.push(`${JSON.stringify(line)}\n`);
    flush();
  };
  return {
    async onStart(start) {
      await mkdir(dirname(path), { recursive: true });
      const before = await linesUpTo(path, start);
      file = await open(path, 'w');
      await file.writeFile(before);
    },
    onStep({ step, epoch, loss, gradientNorm, tokens, seconds, liveBytes, measures }) {
      write({
        type: 'step',
        step,
        epoch,
        loss,
        gradient_norm: gradientNorm,
        ...Object.fromEntries(
          Object.entries(measures).map(([name, value]) => [snakeCase(name), value]),
        ),
        tokens,
        step_s: seconds,
        live_mib: liveBytes / 2 ** 20,
      });
    },
    async onEvaluation({ step, epoch, metrics }) {
      write({ type: 'evaluation', step, epoch, metrics });
      await writing;
    },
    async onCheckpoint(step) {
      write({ type: 'checkpoint', step });
      await writing;
    },
    async onEnd() {
      try {
        await writing;
      } finally {
        await file?.close();
      }
    },
  };
}

/** The lines of what was done before a run goes on; the last line of the file may be torn. */
async function linesUpTo(path: string, { step, evaluations }: FitStart): Promise<string> {
  if (step === 0) return '';
  const text = await readFile(path, 'utf8').catch(() => '');
  let evaluated = 0;
  return text
    .split('\n')
    .filter((line) => {
      const found = parseLine(line);
      if (found?.type === 'evaluation') return ++evaluated <= evaluations;
      return found !== undefined && found.step <= step;
    })
    .map((line) => `${line}\n`)
    .join('');
}

function parseLine(line: string): { readonly type: unknown; readonly step: number } | undefined {
  try {
    const { type, step } = JSON.parse(line);
    return { type, step: Number(step) };
  } catch {
    return undefined;
  }
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
