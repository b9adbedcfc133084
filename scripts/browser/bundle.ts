import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

export interface Bundle {
  /** By path on the server. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly entry: string;
  /** Modules of Node that something imports, and what does. */
  readonly builtins: readonly string[];
}

/** What a browser would load of a script. */
export async function bundle(script: URL): Promise<Bundle> {
  const builtins: string[] = [];
  const source = process.env.LORIKEET_BUILT === '1' ? [] : ['lorikeet-source'];
  const input = fileURLToPath(script);
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: dirname(input),
    resolve: { conditions: [...source, 'module', 'browser', 'production'] },
    build: { write: false, target: 'es2022', minify: false, rollupOptions: { input } },
    plugins: [
      {
        name: 'builtins',
        enforce: 'pre',
        resolveId(id, importer) {
          if (isBuiltin(id)) builtins.push(`${id} in ${importer}`);
        },
      },
    ],
  });
  const outputs = [result].flat().flatMap((part) => ('output' in part ? part.output : []));
  const files = new Map(
    outputs.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]),
  );
  const entry = outputs.find((file) => file.type === 'chunk' && file.isEntry)?.fileName ?? '';
  return { files, entry, builtins };
}
