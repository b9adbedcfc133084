import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = fileURLToPath(new URL('.fences', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && !path.startsWith('.changeset/'));

function fences(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  );
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the code runs in', () => {
  test.each(pages.filter((page) => fences(page, 'ts').length > 0))('%s', async (page) => {
    // The blocks of a page are one module.
    const path = join(scratch, `${page.replaceAll('/', '-')}.ts`);
    mkdirSync(scratch, { recursive: true });
    writeFileSync(path, fences(page, 'ts').join('\n'));
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import(pathToFileURL(path).href).finally(() => log.mockRestore());
  });
});

describe('what is named is there, in', () => {
  test.each(pages)('%s', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(
      ([, link = '']) => link,
    );
    expect(links.filter((link) => !existsSync(resolve(root, dirname(page), link)))).toEqual([]);
    const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;
    const named = fences(page, 'sh').flatMap((block) =>
      [...block.matchAll(/npm run (\S+)/g)].map(([, name = '']) => name),
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

test('every error code has a section, and every section a code', () => {
  const source = read('packages/tensor-core/src/errors.ts');
  const codes = [
    ...(/type ErrorCode =([^;]*);/.exec(source)?.[1] ?? '').matchAll(/'([^']+)'/g),
  ].map(([, code]) => code);
  const sections = [...read('docs/reference/errors.md').matchAll(/^## (\S+)$/gm)].map(
    ([, title]) => title,
  );
  expect(codes.length).toBeGreaterThan(10);
  expect(sections.toSorted()).toEqual(codes.toSorted());
});
