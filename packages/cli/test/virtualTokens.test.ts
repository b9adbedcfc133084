import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '@lorikeet/model-zoo/node';
import { decodeAdapter, encodeAdapter } from '@lorikeet/peft-lora';
import { loadAdapter } from '@lorikeet/peft-lora/node';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import { describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));

describe.each([
  ['bert-seqcls/prefix-tuning', 'encoder_grad.embedding.weight'],
  ['gpt2-lm/prompt-tuning', 'grad.prompt_embeddings'],
  ['gpt2-lm/p-tuning', 'encoder_grad.mlp_head.2.weight'],
  ['gpt2-lm/prefix-tuning-projection', 'encoder_grad.transform.0.bias'],
  ['gpt2-lm/trainable-tokens', 'grad.base_model.model.lm_head.trainable_tokens_delta'],
])('%s', (name, tensor) => {
  test('gives the outputs and gradients of PEFT, those of its encoder too', async () => {
    const { code, stdout } = await lorikeet('parity', golden, '--case', name, '--json');
    const rows = stdout.split('\n').map((line) => JSON.parse(line));
    expect(rows.filter(({ pass }) => !pass)).toEqual([]);
    expect(rows.map((row) => row.tensor)).toEqual(
      expect.arrayContaining(['output.logits', tensor]),
    );
    expect(code).toBe(0);
  });

  test('is written again with the same config', async () => {
    const dir = join(golden, 'adapters', name);
    const base = await load(join(golden, 'models', name.split('/')[0] ?? ''));
    const { config } = encodeAdapter(await loadAdapter(base, dir));
    expect(config).toEqual(JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8')));
  });
});

test('a file that tells how first values were made is read, since it has them', async () => {
  const dir = join(golden, 'adapters/gpt2-lm/prompt-tuning');
  const base = await load(join(golden, 'models/gpt2-lm'));
  const source = await openSafetensors(join(dir, 'adapter_model.safetensors'));
  const json = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'));
  const told = {
    prompt_tuning_init: 'TEXT',
    prompt_tuning_init_text: 'a b c',
    tokenizer_kwargs: { padding_side: 'left' },
    tokenizer_name_or_path: 'gpt2',
  };
  const config = { ...json, ...told };
  const tuned = await decodeAdapter(base, { config, tensors: source });
  expect(encodeAdapter(tuned).config).toEqual(config);
  await source.close();
});
