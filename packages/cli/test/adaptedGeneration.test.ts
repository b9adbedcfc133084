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
  ia3,
  lora,
  mixBatch,
  prefixTuning,
  promptTuning,
  pTuning,
  swapAdapter,
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
