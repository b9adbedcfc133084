import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const configuration = '/etc/apt';

/**
 * Installs Debian packages. What apt knows of other packages, and from where, stays as it is.
 *
 * @param extra `{ suite, backports }`: take them from the suite `backports`, from where `suite` comes from.
 * @returns why it failed, in words, or `undefined`.
 */
export function aptInstall(packages, extra) {
  const folder = mkdtempSync(join(tmpdir(), 'lorikeet-apt-'));
  try {
    // apt downloads as a user of its own.
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'lists/partial'), { recursive: true });
    const options = ['-q', '-o', `Dir::State::lists=${join(folder, 'lists')}`];
    if (extra !== undefined) {
      const list = sourcesWith(extra);
      if (list === undefined) return `no source of apt has the suite ${extra.suite}`;
      const path = join(folder, list.name);
      writeFileSync(path, list.text);
      options.push('-o', `Dir::Etc::sourcelist=${path}`, '-o', 'Dir::Etc::sourceparts=-');
    }
    // It may fail for a source that is not needed.
    aptGet([...options, 'update']);
    const release = extra === undefined ? [] : ['--target-release', extra.backports];
    const how = ['--yes', '--no-install-recommends', '--no-remove', ...release];
    return aptGet([...options, 'install', ...how, ...packages]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function aptGet(args) {
  const wait = ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::http::Timeout=30'];
  const { status, stdout, stderr } = spawnSync('apt-get', [...wait, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    timeout: 600_000,
  });
  if (status === 0) return undefined;
  const errors = `${stdout ?? ''}\n${stderr ?? ''}`
    .split('\n')
    .filter((line) => line.startsWith('E:'));
  return `apt-get: ${errors.join(' ') || 'no answer'}`;
}

/** The file of apt's that names the suite, with the backports added: `{ name, text }`. */
function sourcesWith({ suite, backports }) {
  for (const path of sourceFiles()) {
    const text = readFileSync(path, 'utf8');
    const isStanzas = path.endsWith('.sources');
    const added = isStanzas ? inStanzas(text, suite, backports) : inLines(text, suite, backports);
    if (added !== text) return { name: isStanzas ? 'all.sources' : 'all.list', text: added };
  }
  return undefined;
}

function sourceFiles() {
  const parts = join(configuration, 'sources.list.d');
  const files = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [join(configuration, 'sources.list'), ...files].filter(
    (path) => /\.(sources|list)$/.test(path) && existsSync(path),
  );
}

/** The format of `.sources`: `Suites: bookworm bookworm-updates`. */
function inStanzas(text, suite, backports) {
  return text.replaceAll(/^Suites:.*$/gim, (line) =>
    line.split(/\s+/).includes(suite) ? `${line} ${backports}` : line,
  );
}

/** The format of `.list`: `deb [options] mirror bookworm main`. */
function inLines(text, suite, backports) {
  return text.replaceAll(/^deb\s.*$/gm, (line) => {
    const words = line.split(/\s+/);
    if (!words.includes(suite)) return line;
    return `${line}\n${words.map((word) => (word === suite ? backports : word)).join(' ')}`;
  });
}
