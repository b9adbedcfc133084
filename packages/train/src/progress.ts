import cliProgress from 'cli-progress';
import type { FitCallbacks } from './fitOptions.ts';

/**
 * A bar on standard error with the smoothed loss, tokens per second and the time left, as callbacks of `fit`. Where standard error
 * is no terminal, a line every ten seconds.
 */
export function progressBar(totalSteps: number): FitCallbacks {
  const bar = new cliProgress.SingleBar({
    format:
      'training [{bar}] {value}/{total} | loss {loss} | {speed} tokens/s | {eta_formatted} left',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: true,
  });
  let smoothed: number | undefined;
  let [tokens, seconds] = [0, 0];
  return {
    onStart({ step }) {
      bar.start(totalSteps, step, { loss: '-', speed: '-' });
    },
    onStep(report) {
      smoothed = smoothed === undefined ? report.loss : 0.9 * smoothed + 0.1 * report.loss;
      tokens += report.tokens;
      seconds += report.seconds;
      bar.update(report.step, { loss: smoothed.toFixed(4), speed: Math.round(tokens / seconds) });
    },
    onEnd() {
      bar.stop();
    },
  };
}
