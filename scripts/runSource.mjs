import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { install, root } from './install.mjs';

/** Runs a TypeScript entry from source, with the caller's arguments, folder, streams and signals. */
export function runSource(entry) {
  install();
  const conditions = ['--conditions=lorikeet-source', '--import', import.meta.resolve('tsx')];
  const child = spawn(
    process.execPath,
    [...conditions, join(root, entry), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      env: { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends its interrupt to the child as well; twice would mean "at once".
    const isSentTwice = signal === 'SIGINT' && process.stdin.isTTY;
    process.on(signal, () => isSentTwice || child.kill(signal));
  }
  if (process.env.npm_lifecycle_event) {
    // npm signals the shell between it and us, which dies without passing the signal on.
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref();
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal === null) return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
