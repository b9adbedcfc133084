import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defineConfig } from 'tsup';
import ts from 'typescript';

/**
 * The build of a package: ESM with source maps, one output for each entry under `src/`, and a
 * declaration for each source file. Dependencies stay imports; what two entries share becomes a
 * chunk, so that it exists once.
 */
export function packageConfig(entries: readonly string[]): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    clean: true,
    silent: true,
    onSuccess: async () => writeDeclarations('src', 'dist'),
  });
}

// `isolatedDeclarations` lets each file be declared alone, without a type check: a quarter of the
// time of tsup's own `dts`, and no bundler of types that could get one wrong.
function writeDeclarations(from: string, to: string): void {
  for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const target = join(to, file.replace(/\.ts$/, '.d.ts'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, declarationOf(join(from, file)));
  }
}

function declarationOf(fileName: string): string {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(fileName, 'utf8'), {
    fileName,
    compilerOptions: { isolatedDeclarations: true, stripInternal: true },
    reportDiagnostics: true,
  });
  const [first] = diagnostics;
  if (first)
    throw new Error(`${fileName}: ${ts.flattenDiagnosticMessageText(first.messageText, '\n')}`);
  return outputText.replaceAll(/(['"])(\.\.?\/[^'"]+)\.ts\1/g, '$1$2.js$1');
}
