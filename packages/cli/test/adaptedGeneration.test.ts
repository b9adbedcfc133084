import {
  generate,
  initModel,
  logitsOf,
  type Model,
  type ModelInputs,
  type ModelOutputs,
} from '@lorikeet/model-zoo';
import { Context, mapTree } from '@lorikeet/nn';
import {
  adapt,
  adapterRows,
  adaptionPrompt,
  applyScalings,
  disable,
  ia3,
  invokeAdapters,
  invokeBehindPrompt,
  lora,
  mixBatch,
  prefixTuning,
  promptTuning,
  pTuning,
  routedPlaces,
  swapAdapter,
  XLoraClassifier,
  xLora,
} from '@lorikeet/peft-lora';
import {
  currentBackend,
  evaluate,
  normal,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test, vi } from 'vitest';

// Adapters and caches meet here: neither package knows of the other.

const shared = { vocab_size: 13, initializer_range: 0.5 };
const llamaLike = {
  ...shared,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};
const configs = {
  gpt2: {
    ...shared,
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_positions: 40,
    n_embd: 8,
    n_layer: 2,
    n_head: 2,
  },
  mistral: {
    ...llamaLike,
    model_type: 'mistral',
    architectures: ['MistralForCausalLM'],
    sliding_window: 6,
  },
  t5: {
    ...shared,
    model_type: 't5',
    architectures: ['T5ForConditionalGeneration'],
    d_model: 8,
    d_kv: 4,
    d_ff: 8,
    num_layers: 2,
    num_heads: 2,
    relative_attention_num_buckets: 8,
    relative_attention_max_distance: 6,
  },
  bart: {
    ...shared,
    model_type: 'bart',
    architectures: ['BartForConditionalGeneration'],
    d_model: 8,
    encoder_layers: 2,
    decoder_layers: 2,
    encoder_attention_heads: 2,
    decoder_attention_heads: 2,
    encoder_ffn_dim: 8,
    decoder_ffn_dim: 8,
    max_position_embeddings: 40,
    init_std: 0.5,
    pad_token_id: 0,
    decoder_start_token_id: 2,
  },
} as const;

const integers = (rows: readonly (readonly number[])[]) =>
  tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], 'i32');
const steps = { max_new_tokens: 9, eos_token_id: null };

function make(family: keyof typeof configs): Promise<Model> {
  return evaluate(initModel(configs[family], randomKey(3)));
}

/** An adapter with values that are not small. */
async function tuned(model: Model, plan: Parameters<typeof adapt>[1], seed = 1): Promise<Model> {
  let count = seed;
  const fresh = adapt(model, plan, { key: randomKey(seed) });
  const noisy = mapTree(fresh, (leaf, path) =>
    path.includes('parameters') ? leaf.add(normal(randomKey(count++), leaf.shape).mul(0.7)) : leaf,
  );
  return await evaluate(noisy);
}

/** A model each row of whose batch has an adapter of its own. */
class MixedModel implements Model {
  readonly tuned: Model;
  /** i32 [B] */
  readonly rows: Tensor;
  readonly config: Model['config'];

  constructor(tuned: Model, rows: Tensor) {
    this.tuned = tuned;
    this.rows = rows;
    this.config = tuned.config;
  }

  get isCausal(): boolean {
    return this.tuned.isCausal === true;
  }

  call(inputs: ModelInputs, context: Context): ModelOutputs {
    return mixBatch(this.tuned, this.rows).call(inputs, context);
  }
}

/** Greedy generation without a cache: all tokens in a call of their own. */
async function uncached(model: Model, row: readonly number[], count: number): Promise<number[]> {
  const { decoderStart: start } = model;
  const text = start === undefined ? [...row] : [start];
  for (let i = 0; i < count; i++) {
    const inputs =
      start === undefined
        ? { input_ids: integers([text]) }
        : { input_ids: integers([row]), decoder_input_ids: integers([text]) };
    const logits = [...(await logitsOf(model.call(inputs, Context.evaluation)).data())];
    const last = logits.slice(-13);
    text.push(last.indexOf(Math.max(...last)));
  }
  return text.slice(start === undefined ? row.length : 1);
}

type Plan = Parameters<typeof adapt>[1];

const targets = {
  gpt2: '**.c_attn',
  mistral: '**.{q_proj,v_proj}',
  t5: '**.{q,v}',
  bart: '**.{q_proj,v_proj}',
} as const;
const loraAt = (family: keyof typeof targets): Plan => ({ [targets[family]]: lora({ rank: 2 }) });

const plans: Readonly<Record<string, (family: keyof typeof targets) => Plan>> = {
  lora: loraAt,
  ia3: (family) => ({ [targets[family]]: ia3() }),
  prefixTuning: () => ({ '': prefixTuning({ virtualTokens: 3 }) }),
  promptTuning: () => ({ '': promptTuning({ virtualTokens: 3 }) }),
  pTuning: () => ({ '': pTuning({ virtualTokens: 3, hiddenSize: 4 }) }),
};

describe.each(['gpt2', 'mistral', 't5', 'bart'] as const)('%s', (family) => {
  test.each(Object.entries(plans))(
    'with %s says with a cache what it says without',
    async (_, plan) => {
      const model = await tuned(await make(family), plan(family));
      const row = [5, 6, 7, 8];
      const { tokens } = await generate(model, { input_ids: integers([row]) }, steps);
      expect(tokens).toEqual([await uncached(model, row, steps.max_new_tokens)]);
    },
  );
});

test('an adaption prompt works with a cache', async () => {
  const config = { ...llamaLike, model_type: 'llama', architectures: ['LlamaForCausalLM'] };
  const base = await evaluate(initModel(config, randomKey(3)));
  const plan = { '**.self_attn': adaptionPrompt({ length: 2 }) };
  const model = await tuned(base, plan);
  const { tokens } = await generate(model, { input_ids: integers([[5, 6, 7]]) }, steps);
  expect(tokens).toEqual([await uncached(model, [5, 6, 7], steps.max_new_tokens)]);
});

describe('an adapter that waits for tokens', () => {
  const plan = { '**.c_attn': lora({ rank: 2, invocationTokens: [7, 8] }) };
  const prompts = [
    [1, 7, 8, 2],
    [7, 8, 7, 8],
    [1, 2, 3, 4],
  ];
  /** Without a cache; invocations are looked for in the prompt. */
  const alone = async (model: Model, row: readonly number[]): Promise<number[]> => {
    const text = [...row];
    for (let i = 0; i < steps.max_new_tokens; i++) {
      const ids = integers([text]);
      const invoked = invokeAdapters(model, ids, { prompt: row.length });
      const outputs = invoked.call({ input_ids: ids }, Context.evaluation);
      const last = [...(await logitsOf(outputs).data())].slice(-13);
      text.push(last.indexOf(Math.max(...last)));
    }
    return text.slice(row.length);
  };

  test('says with a cache what it says without, each row by its own invocation', async () => {
    const model = await tuned(await make('gpt2'), plan);
    const input_ids = integers(prompts);
    const { tokens } = await generate(invokeBehindPrompt(model, input_ids), { input_ids }, steps);
    const expected = await Promise.all(prompts.map((row) => alone(model, row)));
    expect(tokens).toEqual(expected);
    const base = await make('gpt2');
    expect(tokens[2]).toEqual(await uncached(base, prompts[2] ?? [], steps.max_new_tokens));
    expect(tokens[0]).not.toEqual(await uncached(base, prompts[0] ?? [], steps.max_new_tokens));
  });

  test('does not take padding for its tokens, and keeps to its rows with beams', async () => {
    const model = await tuned(await make('gpt2'), plan);
    // The padding is called 7, and stands before an 8.
    const input_ids = integers([
      [7, 7, 8, 2],
      [1, 7, 8, 2],
    ]);
    const attention_mask = integers([
      [0, 0, 1, 1],
      [1, 1, 1, 1],
    ]);
    const invoked = invokeBehindPrompt(model, input_ids, attention_mask);
    const { tokens } = await generate(invoked, { input_ids, attention_mask }, steps);
    expect(tokens).toEqual([await alone(model, [8, 2]), await alone(model, [1, 7, 8, 2])]);
    const beams = { ...steps, num_beams: 3 };
    const both = await generate(invoked, { input_ids, attention_mask }, beams);
    const rows = [
      [8, 2],
      [1, 7, 8, 2],
    ].map((row) => integers([row]));
    for (const [i, ids] of rows.entries()) {
      const one = await generate(invokeBehindPrompt(model, ids), { input_ids: ids }, beams);
      expect(both.tokens[i]).toEqual(one.tokens[0]);
    }
  });

  test('compiles nothing for another prompt', async () => {
    const model = await tuned(await make('gpt2'), plan);
    const ask = async (row: readonly number[]) => {
      const input_ids = integers([row]);
      return await generate(invokeBehindPrompt(model, input_ids), { input_ids }, steps);
    };
    await ask([1, 7, 8, 2]);
    const compile = vi.spyOn(currentBackend(), 'compile');
    await ask([7, 8, 1, 3]);
    const made = compile.mock.calls.filter(([{ instructions }]) => instructions.length > 50);
    compile.mockRestore();
    expect(made).toEqual([]);
  });

  test('is refused of a model with an encoder and of other rows', async () => {
    const t5 = await tuned(await make('t5'), { '**.q': lora({ invocationTokens: [7] }) });
    const ids = integers([[5, 7]]);
    const given = { input_ids: ids, decoder_input_ids: ids };
    expect(() => invokeBehindPrompt(t5, ids).call(given, Context.evaluation)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
    const gpt2 = await tuned(await make('gpt2'), plan);
    const two = invokeBehindPrompt(
      gpt2,
      integers([
        [5, 7],
        [7, 8],
      ]),
    );
    expect(() => two.call({ input_ids: ids }, Context.evaluation)).toThrow(
      expect.objectContaining({ code: 'shape-mismatch' }),
    );
  });
});

test.each([false, true])(
  'X-LoRA has with a cache the gates that it has without (layerwise: %s)',
  async (layerwise) => {
    const plan = loraAt('gpt2');
    const base = await make('gpt2');
    const both = adapt(await tuned(base, plan), plan, { key: randomKey(2), name: 'blue' });
    const model = await evaluate(
      mapTree(both, (leaf, path) =>
        path.includes('parameters') ? leaf.add(normal(randomKey(leaf.size), leaf.shape)) : leaf,
      ),
    );
    const sizes = { hiddenSize: 8, places: routedPlaces(model).length, adapters: 2, layerwise };
    const classifier = await evaluate(
      mapTree(XLoraClassifier.init(sizes, randomKey(9)), (leaf) => leaf.mul(4)),
    );
    const gated = xLora(model, classifier);
    const rows = [
      [5, 6, 7, 8],
      [1, 2, 3, 4],
    ];
    const { tokens } = await generate(gated, { input_ids: integers(rows) }, steps);
    const expected: number[][] = [];
    for (const row of rows) expected.push(await uncached(gated, row, steps.max_new_tokens));
    expect(tokens).toEqual(expected);
    expect(tokens).not.toEqual([
      await uncached(base, rows[0] ?? [], steps.max_new_tokens),
      await uncached(base, rows[1] ?? [], steps.max_new_tokens),
    ]);
    // By hand: the gates of a pass without adapters.
    const ids = { input_ids: integers(rows) };
    const hidden = disable(model).call(ids, Context.evaluation).hidden_states.at(-1);
    if (hidden === undefined) throw new Error('no states');
    const gates = classifier.call(hidden, Context.evaluation);
    const twice = logitsOf(applyScalings(model, gates).call(ids, Context.evaluation));
    expect([...(await logitsOf(gated.call(ids, Context.evaluation)).data())]).toEqual([
      ...(await twice.data()),
    ]);
  },
);

describe('adapters between requests', () => {
  test('are swapped, and nothing is compiled', async () => {
    const base = await make('gpt2');
    const plan = loraAt('gpt2');
    const [red, blue] = [await tuned(base, plan, 1), await tuned(base, plan, 50)];
    const prompt = { input_ids: integers([[1, 2, 3]]) };
    const first = await generate(red, prompt, steps);
    const compile = vi.spyOn(currentBackend(), 'compile');
    const swapped = swapAdapter(red, blue);
    const second = await generate(swapped, prompt, steps);
    expect(compile).not.toHaveBeenCalled();
    compile.mockRestore();
    expect(second.tokens).toEqual([await uncached(blue, [1, 2, 3], steps.max_new_tokens)]);
    expect(second.tokens).not.toEqual(first.tokens);
  });

  test('stand in one batch, a row each', async () => {
    const base = await make('gpt2');
    const plan = loraAt('gpt2');
    const one = adapt(base, plan, { key: randomKey(1), name: 'red' });
    const both = await evaluate(
      mapTree(adapt(one, plan, { key: randomKey(2), name: 'blue' }), (leaf, path) =>
        path.includes('parameters')
          ? leaf.add(normal(randomKey(leaf.size), leaf.shape).mul(0.7))
          : leaf,
      ),
    );
    const row = [1, 2, 3];
    const rows = ['red', null, 'blue'] as const;
    const mixed = new MixedModel(both, adapterRows(both, rows));
    const { tokens } = await generate(mixed, { input_ids: integers([row, row, row]) }, steps);
    expect(tokens[1]).toEqual(await uncached(base, row, steps.max_new_tokens));
    for (const [i, name] of rows.entries()) {
      const alone = mixBatch(both, [name]);
      expect(tokens[i]).toEqual(await uncached(alone, row, steps.max_new_tokens));
    }
    expect(tokens[0]).not.toEqual(tokens[2]);
  });
});
