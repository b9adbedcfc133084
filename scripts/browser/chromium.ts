import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The program of a Chromium on this machine; `undefined` if there is none. */
export const chromium: string | undefined = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

/** For a browser that draws nothing. */
export const withoutGpu: readonly string[] = ['--disable-gpu'];

/** For WebGPU on the SwiftShader that it brings along. */
export const withSwiftShader: readonly string[] = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];
