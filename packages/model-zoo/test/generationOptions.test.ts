import { readFileSync } from 'node:fs';
import {
  type GenerateOptions,
  generate,
  initModel,
  logitsOf,
  readGenerationConfig,
  stream,
} from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { evaluate, randomKey, tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { noRepeatNgram, repetitionPenalty } from '../src/generation/penalties.ts';
import type { Processor } from '../src/generation/processor.ts';
import { minP, temperature, topK, topP, typicalP } from '../src/generation/warpers.ts';

const sizes = { vocab_size: 13, n_positions: 64, n_embd: 8, n_layer: 2, n_head: 2 };
const gpt2 = await evaluate(
  initModel(
    { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], initializer_range: 0.7, ...sizes },
    randomKey(1),
  ),
);
const integers = (rows: readonly (readonly number[])[]) =>
  tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], 'i32');
const prompt = { input_ids: integers([[1, 2, 3]]) };
const next = async (options: GenerateOptions): Promise<readonly number[]> =>
  (await generate(gpt2, prompt, { max_new_tokens: 8, eos_token_id: null, ...options })).tokens[0] ??
  [];

describe('scores become those of transformers by', () => {
  const file = new URL('fixtures/generations/processors.json', import.meta.url);
  const { tokens, scores, results } = JSON.parse(readFileSync(file, 'utf8'));
  const processors: Readonly<Record<string, Processor>> = {
    temperature: temperature(0.7),
    top_k: topK(4),
    top_p: topP(0.8),
    min_p: minP(0.1),
    typical_p: typicalP(0.6),
    repetition_penalty: repetitionPenalty(1.7),
    no_repeat_ngram_size: noRepeatNgram(3),
  };
  test.each(Object.entries(processors))('%s', (name, processor) => {
    const got = Float64Array.from(scores);
    processor(got, { tokens, fresh: 2 });
    for (const [i, expected] of results[name].entries())
      if (expected === null) expect(got[i]).toBe(Number.NEGATIVE_INFINITY);
      else expect(got[i]).toBeCloseTo(expected, 10);
  });
});

describe('sampling', () => {
  const options = { do_sample: true, temperature: 1.3 } as const;

  test('gives the same for the same key, and something else for another', async () => {
    const first = await next({ ...options, key: 1 });
    expect(await next({ ...options, key: 1 })).toEqual(first);
    expect(await next({ ...options, key: 2 })).not.toEqual(first);
    expect(await next({ ...options, key: randomKey(5) })).toHaveLength(8);
  });

  test('among one token is greedy', async () => {
    expect(await next({ ...options, key: 3, top_k: 1 })).toEqual(await next({}));
    expect(await next({ ...options, key: 3, top_p: 0 })).toEqual(await next({}));
  });

  test('draws tokens as often as they are likely', async () => {
    const count = 2000;
    const { tokens } = await generate(gpt2, prompt, {
      max_new_tokens: 1,
      do_sample: true,
      top_k: 0,
      key: 7,
      num_return_sequences: count,
    });
    const outputs = gpt2.call(prompt, Context.evaluation);
    const last = [...(await logitsOf(outputs).data())].slice(-13);
    const total = last.reduce((sum, x) => sum + Math.exp(x), 0);
    for (const [token, logit] of last.entries()) {
      const chance = Math.exp(logit) / total;
      const found = tokens.filter(([first]) => first === token).length / count;
      expect(Math.abs(found - chance)).toBeLessThan(
        4 * Math.sqrt((chance * (1 - chance)) / count) + 1e-9,
      );
    }
  });

  test('without a key is refused', async () => {
    await expect(next(options)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

test('contrastive search takes the candidate that its formula does', async () => {
  const [alpha, count] = [0.6, 4];
  const text = [1, 2, 3];
  for (let i = 0; i < 6; i++) text.push(await contrasted(text, alpha, count));
  const found = await next({ penalty_alpha: alpha, top_k: count, max_new_tokens: 6 });
  expect(found).toEqual(text.slice(3));
  expect(found).not.toEqual((await next({})).slice(0, 6));
});

/** By brute force: each candidate in a call of its own. */
async function contrasted(text: readonly number[], alpha: number, count: number): Promise<number> {
  const read = async (tokens: readonly number[]) => {
    const outputs = gpt2.call({ input_ids: integers([tokens]) }, Context.evaluation);
    const logits = [...(await logitsOf(outputs).data())].slice(-13);
    const states = [...((await outputs.hidden_states.at(-1)?.data()) ?? [])];
    return { logits, states: tokens.map((_, i) => states.slice(8 * i, 8 * (i + 1))) };
  };
  const { logits, states } = await read(text);
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  const likely = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0));
  let [best, top] = [0, Number.NEGATIVE_INFINITY];
  for (const token of likely.slice(0, count)) {
    const own = (await read([...text, token])).states.at(-1) ?? [];
    const likeness = states.map((state) => cosine(state, own));
    const chance = Math.exp(logits[token] ?? 0) / total;
    const score = (1 - alpha) * chance - alpha * Math.max(...likeness);
    if (score > top) [best, top] = [token, score];
  }
  return best;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test('a stream gives the tokens of each row as they come, up to its end', async () => {
  const rows = integers([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const plain = { max_new_tokens: 6, eos_token_id: null };
  const [first = []] = (await generate(gpt2, { input_ids: rows }, plain)).tokens;
  const options = { ...plain, eos_token_id: first[2] ?? 0 };
  const { tokens } = await generate(gpt2, { input_ids: rows }, options);
  const streamed: number[][] = [[], []];
  const ended: number[] = [];
  for await (const { row, token, isLast } of stream(gpt2, { input_ids: rows }, options)) {
    streamed[row]?.push(token);
    if (isLast) ended.push(row);
  }
  expect(streamed).toEqual(tokens);
  expect(tokens[0]?.at(-1)).toBe(first[2]);
  expect(ended.toSorted()).toEqual([0, 1]);
});

test('a stream that is left computes no more', async () => {
  let count = 0;
  for await (const _ of stream(gpt2, prompt, { max_new_tokens: 50, eos_token_id: null }))
    if (++count === 2) break;
  expect(count).toBe(2);
});

test('a text ends with a stop string, wherever tokens begin', async () => {
  const decode = (tokens: readonly number[]): string => tokens.map((id) => `<${id}>`).join('');
  const all = await next({});
  const stop = `${all[3]}><${all[4]}`;
  const found = await next({ stop_strings: stop, decode });
  expect(decode(found)).toContain(stop);
  expect(decode(found.slice(0, -1))).not.toContain(stop);
  await expect(next({ stop_strings: stop })).rejects.toMatchObject({ path: 'stop_strings' });
});

test('what a model has read in a cache that grows is what it reads at once', async () => {
  const long = await next({ max_new_tokens: 40 });
  for (const length of [12, 13, 29, 39]) {
    const input_ids = integers([[1, 2, 3, ...long.slice(0, length)]]);
    const { tokens } = await generate(
      gpt2,
      { input_ids },
      { max_new_tokens: 1, eos_token_id: null },
    );
    expect(tokens[0]).toEqual([long[length]]);
  }
});

describe('keys that stretch with the text', () => {
  test.each([
    ['dynamic', { rope_type: 'dynamic', factor: 4 }],
    [
      'longrope',
      {
        rope_type: 'longrope',
        factor: 4,
        short_factor: [1, 1.5],
        long_factor: [3, 9],
        original_max_position_embeddings: 6,
      },
    ],
  ])('are made again: %s', async (_, rope) => {
    const config = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: 13,
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      max_position_embeddings: 6,
      initializer_range: 0.7,
      rope_parameters: { rope_theta: 30, ...rope },
    };
    const llama = await evaluate(initModel(config, randomKey(2)));
    const text = [1, 2, 3];
    for (let i = 0; i < 8; i++) {
      const outputs = llama.call({ input_ids: integers([text]) }, Context.evaluation);
      const last = [...(await logitsOf(outputs).data())].slice(-13);
      text.push(last.indexOf(Math.max(...last)));
    }
    const { tokens } = await generate(llama, prompt, { max_new_tokens: 8, eos_token_id: null });
    expect(tokens[0]).toEqual(text.slice(3));
  });
});

describe('a generation_config.json', () => {
  test('keeps and names what is unknown', () => {
    const { config, unknown } = readGenerationConfig({ top_p: 0.9, fancy: 1, use_cache: true });
    expect(config).toMatchObject({ top_p: 0.9, fancy: 1 });
    expect(unknown).toEqual(['fancy']);
  });

  test('with what is not built is refused, and with its default is not', () => {
    expect(() => readGenerationConfig({ num_beam_groups: 2 })).toThrow(
      expect.objectContaining({ code: 'unsupported', path: 'num_beam_groups' }),
    );
    expect(readGenerationConfig({ num_beam_groups: 1, epsilon_cutoff: 0 }).unknown).toEqual([]);
  });

  test('with wrong values is refused', () => {
    expect(() => readGenerationConfig({ top_p: 2 })).toThrow(
      expect.objectContaining({ code: 'invalid-config' }),
    );
  });
});

test('a beam search is no stream', async () => {
  const steps = stream(gpt2, prompt, { num_beams: 2, max_new_tokens: 2 });
  await expect(steps.next()).rejects.toMatchObject({ code: 'unsupported', path: 'num_beams' });
});
