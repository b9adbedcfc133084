// Adapters that need no GPU, for tests on WebGPU: Mesa's llvmpipe and Chromium's SwiftShader.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall } from './aptInstall.mjs';

/** Older ones lack what Dawn asks for. */
const oldestMesa = [23, 1];
const drivers = '/usr/share/vulkan/icd.d';
const chromiums = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];

/**
 * Mesa's llvmpipe, installed where that can be done: on Debian and Ubuntu, by root. Never throws.
 *
 * @returns `{ environment, reason }`: what to set so that Vulkan finds no other driver, `undefined` where there is
 *   none, and in words why, or why not.
 */
export function softwareAdapter() {
  const before = llvmpipe();
  if (before.environment !== undefined) return before;
  const obstacle = whyNotInstall() ?? install();
  const after = llvmpipe();
  if (after.environment !== undefined || obstacle === undefined) return after;
  return { reason: `${after.reason}; ${obstacle}` };
}

/** The driver that Debian's chromium and Chrome bring along. Gives the same as `softwareAdapter`. */
export function swiftShaderAdapter() {
  const file = chromiums
    .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
    .find((path) => existsSync(path));
  if (file === undefined) return { reason: 'there is no Chromium with SwiftShader' };
  return { environment: { VK_DRIVER_FILES: file }, reason: `SwiftShader of ${file}` };
}

function llvmpipe() {
  const file = driverFile();
  if (file === undefined) return { reason: `there is no llvmpipe in ${drivers}` };
  const version = mesaVersion();
  if (version !== undefined && isOlder(version, oldestMesa))
    return { reason: `Mesa ${version.join('.')} is older than ${oldestMesa.join('.')}` };
  return { environment: { VK_DRIVER_FILES: file }, reason: `llvmpipe of ${file}` };
}

function driverFile() {
  if (!existsSync(drivers)) return undefined;
  const name = readdirSync(drivers).find((file) => /^lvp_icd.*\.json$/.test(file));
  return name && join(drivers, name);
}

/** Its first two numbers, where dpkg knows them. A Mesa that something else installed is taken as it is. */
function mesaVersion() {
  const query = ['--show', 'mesa-vulkan-drivers'];
  const { status, stdout } = spawnSync('dpkg-query', query, { encoding: 'utf8' });
  // NAME:ARCHITECTURE, a tab, and a version that may begin with an epoch: 1:23.1.9-1.
  const found = status === 0 && /\t(?:\d+:)?(\d+)\.(\d+)/.exec(stdout);
  return found ? [Number(found[1]), Number(found[2])] : undefined;
}

function isOlder([major, minor], [thanMajor, thanMinor]) {
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

function whyNotInstall() {
  if (process.platform !== 'linux') return 'it is only looked for on Linux';
  if (process.getuid() !== 0) return 'only root can install it';
  if (spawnSync('apt-get', ['--version']).status !== 0) return 'there is no apt-get to install it';
  return undefined;
}

function install() {
  console.error('Installing a software adapter for WebGPU ...');
  try {
    return aptInstall(['mesa-vulkan-drivers', 'libvulkan1'], backports());
  } catch (error) {
    return `its installation failed: ${error instanceof Error ? error.message : error}`;
  }
}

/** Debian 12 has too old a Mesa, and a newer one among its backports; later suites have one of their own. */
function backports() {
  const release = readFileSync('/etc/os-release', 'utf8');
  return /^VERSION_CODENAME=bookworm$/m.test(release) && /^ID=debian$/m.test(release)
    ? { suite: 'bookworm', backports: 'bookworm-backports' }
    : undefined;
}
