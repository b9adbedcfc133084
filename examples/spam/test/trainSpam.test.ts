import { fileURLToPath } from 'node:url';
import { load, loadTokenizer } from '@lorikeet/model-zoo/node';
import { merge } from '@lorikeet/peft-lora';
import { expect, test } from 'vitest';
import { adaptToSpam, judge, largestDifference, tokensOf, trainSpam } from '../src/trainSpam.ts';

const checkpoint = fileURLToPath(new URL('../../../checkpoints/lorikeet-bert', import.meta.url));

test('the pretrained model learns some mails by heart, and merges to the same', async () => {
  const config = { id2label: { 0: 'ham', 1: 'spam' } };
  const base = await load(checkpoint, { head: 'sequence-classification', newHead: true, config });
  const mails = tokensOf(
    Array.from({ length: 16 }, (_, i) => ({
      text: i % 2 ? `free money, buy now ${i}` : `the meeting is on day ${i}`,
      label: i % 2,
    })),
    await loadTokenizer(checkpoint),
  );
  const recipe = { epochs: 12, batchSize: 16, words: true };
  const tuned = adaptToSpam(base, recipe, 1);
  const { model } = await trainSpam(tuned, mails, recipe, { seed: 1 });
  expect((await judge(model, mails)).accuracy).toBe(1);
  expect(await largestDifference([model, merge(model)], mails)).toBeLessThan(1e-3);
});
