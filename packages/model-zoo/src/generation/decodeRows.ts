import type { Model } from '../model.ts';
import { drawn, processed, randomRows } from './choose.ts';
import type { PromptRows } from './prompt.ts';
import type { Settings } from './settings.ts';
import { argmaxOf } from './softmax.ts';
import { type Reading, TextReader } from './textReader.ts';

/** Greedy decoding or sampling: the next token of each row, again and again. It ends when it is left. */
export async function* decodeRows(
  model: Model,
  prompt: PromptRows,
  settings: Settings,
): AsyncGenerator<readonly number[]> {
  const { key, processors, warpers, maxNew } = settings;
  const isPlain = key === undefined && processors.length === 0;
  const wanted = isPlain ? 'token' : 'logits';
  const opened = await TextReader.open(model, prompt, { wanted, maxNew });
  const { reader } = opened;
  const all = [...processors, ...warpers];
  const choose = async ({ tokens, logits }: Reading, fresh: number): Promise<readonly number[]> => {
    if (isPlain) return tokens;
    const randoms = key === undefined ? [] : await randomRows(key, fresh, logits.length);
    return logits.map((row, i) => {
      const scores = processed(row, { tokens: reader.rows[i] ?? [], fresh }, all);
      const random = randoms[i];
      return random === undefined ? argmaxOf(scores) : drawn(scores, random);
    });
  };
  let { reading } = opened;
  for (let fresh = 0; fresh < maxNew; fresh++) {
    const chosen = await choose(reading, fresh);
    yield chosen;
    // A row behind its end goes on, and nobody looks.
    if (fresh + 1 < maxNew) reading = await reader.step(chosen);
  }
}
