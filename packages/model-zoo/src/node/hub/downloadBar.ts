import cliProgress from 'cli-progress';
import type { DownloadProgress } from './hubOptions.ts';

/**
 * Shows how far downloads are: a bar on standard error, which appears with the first byte and ends with the last. To be given
 * to `load` as `onProgress`.
 */
export function downloadBar(): (progress: DownloadProgress) => void {
  let bar: cliProgress.SingleBar | undefined;
  return ({ file, loaded, total }) => {
    if (bar === undefined) {
      bar = new cliProgress.SingleBar({
        format: 'fetching [{bar}] {percentage}% of {size} MB | {file} | {eta_formatted} left',
        stream: process.stderr,
        noTTYOutput: true,
        notTTYSchedule: 10_000,
        hideCursor: true,
      });
      bar.start(total, 0, { file, size: '' });
    }
    bar.setTotal(total);
    bar.update(loaded, { file, size: (total / 1e6).toFixed(1) });
    if (loaded >= total) {
      bar.stop();
      bar = undefined;
    }
  };
}
