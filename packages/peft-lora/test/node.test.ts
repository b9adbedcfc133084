import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapt, lora, train } from '@lorikeet/peft-lora';
import { loadAdapter, saveAdapter } from '@lorikeet/peft-lora/node';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectClose, ids, refusal, Small, trainedForm } from './support.ts';

const model = new Small();
const adapted = trainedForm(adapt(model, { '**.query': lora({ rank: 2 }), classifier: train() }));
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lorikeet-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

test('a saved adapter is two files, and loads as it was', async () => {
  const tuned = await adapted;
  expect(await saveAdapter(tuned, dir, { taskType: 'SEQ_CLS' })).toBe(dir);
  expect((await readdir(dir)).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  await expectClose((await loadAdapter(model, dir)).call(ids), tuned.call(ids), 0);
});

test('the files are the same bytes each time, and say that they are of PyTorch', async () => {
  const tuned = await adapted;
  const bytes = async (): Promise<string[]> =>
    Promise.all((await readdir(dir)).sort().map((name) => readFile(join(dir, name), 'latin1')));
  await saveAdapter(tuned, dir);
  const before = await bytes();
  await saveAdapter(await loadAdapter(model, dir), dir);
  expect(await bytes()).toEqual(before);
  expect(before[0]).toMatch(/^\{\n {2}"alora_invocation_tokens": null,\n.*\}\n$/s);
  const file = await openSafetensors(dir);
  expect([...file.metadata]).toEqual([['format', 'pt']]);
  await file.close();
});

test('adapters with names have folders of their own', async () => {
  const first = await trainedForm(adapt(model, { '**.query': lora() }, { name: 'spam' }));
  const both = await trainedForm(adapt(first, { '**.value': lora() }));
  expect(await saveAdapter(both, dir, { name: 'spam' })).toBe(join(dir, 'spam'));
  await saveAdapter(both, dir);
  expect(await readdir(dir)).toContain('spam');
  const loaded = await loadAdapter(await loadAdapter(model, dir), dir, { name: 'spam' });
  await expectClose(loaded.call(ids), both.call(ids));
  const renamed = await loadAdapter(model, join(dir, 'spam'), { name: 'ham' });
  await saveAdapter(renamed, dir, { name: 'ham' });
  expect(await readdir(dir)).toContain('ham');
});

describe('a folder', () => {
  test('without an adapter is refused', async () => {
    await expect(loadAdapter(model, join(dir, 'nothing'))).rejects.toThrow(
      refusal('invalid-file', 'adapter_config.json'),
    );
    await saveAdapter(await adapted, dir);
    await rm(join(dir, 'adapter_model.safetensors'));
    await expect(loadAdapter(model, dir)).rejects.toThrow(
      refusal('invalid-file', 'adapter_model.safetensors'),
    );
  });

  test('with a pickle is refused: it would be a program', async () => {
    await saveAdapter(await adapted, dir);
    await rm(join(dir, 'adapter_model.safetensors'));
    await writeFile(join(dir, 'adapter_model.bin'), 'pickle');
    await expect(loadAdapter(model, dir)).rejects.toThrow(refusal('unsupported', 'pickle'));
  });

  test('whose files are cut short is refused', async () => {
    await saveAdapter(await adapted, dir);
    await truncate(join(dir, 'adapter_model.safetensors'), 200);
    await expect(loadAdapter(model, dir)).rejects.toThrow(refusal('invalid-file'));
  });

  test.each(['', '{', '{"peft_type": "LORA",}', 'null', '[]', '"LORA"', 'NaN', '\0'])(
    'with a config that is %j is refused',
    async (text) => {
      await saveAdapter(await adapted, dir);
      await writeFile(join(dir, 'adapter_config.json'), text);
      await expect(loadAdapter(model, dir)).rejects.toThrow(refusal('invalid-config'));
    },
  );

  test('with a config of absurd length is refused unread', async () => {
    await saveAdapter(await adapted, dir);
    await truncate(join(dir, 'adapter_config.json'), 2 ** 30);
    await expect(loadAdapter(model, dir)).rejects.toThrow(refusal('invalid-config', 'bytes'));
  });

  test('is not left by the name of an adapter', async () => {
    await expect(loadAdapter(model, dir, { name: '../../etc' })).rejects.toThrow(
      refusal('invalid-argument'),
    );
    await expect(saveAdapter(await adapted, dir, { name: '../x' })).rejects.toThrow(
      refusal('no-match'),
    );
  });
});
