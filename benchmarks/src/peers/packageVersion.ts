import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The version of an installed package whose entry is in a folder of the package. */
export async function packageVersion(name: string): Promise<string> {
  const folder = dirname(dirname(require.resolve(name)));
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
