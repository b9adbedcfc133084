import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type GenerationConfig, readGenerationConfig } from '../generation/config.ts';
import type { HubOptions } from './hub/hubOptions.ts';
import { modelFolder } from './hub/modelFolder.ts';
import { readJsonFile } from './readJsonFile.ts';

/**
 * The options in the `generation_config.json` of a model's folder, or of a model on a hub, whose other files are fetched with it; none where
 * there is no such file. Fields that nobody knows are kept, and named.
 *
 * @throws LorikeetError `invalid-file` for what is no JSON; as `readGenerationConfig`; `download-failed`.
 * @example
 * const { config } = await loadGenerationConfig('gpt2');
 * const { tokens } = await generate(model, prompt, config);
 */
export async function loadGenerationConfig(
  dirOrId: string,
  options: HubOptions = {},
): Promise<{ readonly config: GenerationConfig; readonly unknown: readonly string[] }> {
  const path = join(await modelFolder(dirOrId, 'model', options), generationFile);
  return readGenerationConfig(
    existsSync(path) ? await readJsonFile(path, 'the options for generation') : {},
  );
}

const generationFile = 'generation_config.json';
