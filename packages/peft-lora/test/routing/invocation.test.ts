import { Context, combine, Linear, partition, paths } from '@lorikeet/nn';
import {
  adapt,
  adapterRows,
  arrow,
  decodeAdapter,
  disable,
  encodeAdapter,
  invokeAdapters,
  isTrainable,
  loha,
  lora,
  merge,
  mixBatch,
  road,
  updateOf,
} from '@lorikeet/peft-lora';
import {
  compile,
  gather,
  grad,
  greaterEqual,
  iota,
  normal,
  randomKey,
  sliceAxis,
  softmax,
  type Tensor,
  tensor,
  where,
} from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';
import { filesOf, withConfig } from '../peft/files.ts';
import { expectClose, numbers, refusal, trainedForm } from '../support.ts';

// Activated LoRA: the adapter acts from the last occurrence of its invocation tokens on.

const linear = (seed: number): Linear => new Linear(normal(randomKey(seed), [4, 4], 0, 0.5), null);

/** A causal attention of one head with its projections. */
class Causal {
  readonly table: Tensor = normal(randomKey(1), [10, 4]);
  readonly query: Linear = linear(2);
  readonly key: Linear = linear(3);
  readonly value: Linear = linear(4);

  /** @param ids [B, T] @returns [B, T, 4] */
  call(ids: Tensor, context: Context): Tensor {
    const x = gather(this.table, ids);
    const [q, k, v] = [this.query, this.key, this.value].map((part) => part.call(x, context));
    if (q === undefined || k === undefined || v === undefined) throw new Error('no parts');
    const scores = q.matmul(k.permute([0, 2, 1])); // [B, T, T]
    const isPast = greaterEqual(iota(scores.shape, 1), iota(scores.shape, 2));
    return softmax(where(isPast, scores, -1e9)).matmul(v);
  }
}

const model = { attention: new Causal(), head: linear(5) };
const call = ({ attention, head }: typeof model, tokens: Tensor): Tensor =>
  head.call(attention.call(tokens, Context.evaluation), Context.evaluation);
const ids = tensor([1, 7, 8, 2, 3, 4], [1, 6], 'i32');
const invocationTokens = [7, 8];
const spec = { 'attention.*': lora({ rank: 2, alpha: 3, invocationTokens }) };
const tuned = trainedForm(adapt(model, spec));
const part = (output: Tensor, from: number, to: number): Tensor =>
  sliceAxis(output, 1, from, to - from);

test('a causal model is its base to the bit up to the invocation, and adapted behind it', async () => {
  const [base, invoked] = [call(model, ids), call(invokeAdapters(await tuned, ids), ids)];
  expect(await numbers(part(invoked, 0, 1))).toEqual(await numbers(part(base, 0, 1)));
  for (const at of [1, 2, 5])
    await expect(expectClose(part(invoked, at, at + 1), part(base, at, at + 1))).rejects.toThrow();
  const never = tensor([1, 7, 2, 8, 3, 7], [1, 6], 'i32');
  const without = call(invokeAdapters(await tuned, never), never);
  expect(await numbers(without)).toEqual(await numbers(call(model, never)));
});

test('the last invocation counts, in the prompt if that is told', async () => {
  const twice = tensor([7, 8, 2, 7, 8, 4], [1, 6], 'i32');
  const invoked = call(invokeAdapters(await tuned, twice), twice);
  const base = call(model, twice);
  expect(await numbers(part(invoked, 0, 3))).toEqual(await numbers(part(base, 0, 3)));
  // What was generated is behind the invocation, whatever it is.
  const all = call(invokeAdapters(await tuned, twice, { prompt: 4 }), twice);
  const always = await trainedForm(adapt(model, { 'attention.*': lora({ rank: 2, alpha: 3 }) }));
  await expectClose(all, call(always, twice));
  const short = tensor([8], [1, 1], 'i32');
  const none = call(invokeAdapters(await tuned, short), short);
  expect(await numbers(none)).toEqual(await numbers(call(model, short)));
});

test('a call behind keys and values of tokens before has the gates of its own tokens', async () => {
  const routed = invokeAdapters(await tuned, ids, { past: 2 });
  const x = normal(randomKey(9), [1, 4, 4]);
  const always = await trainedForm(adapt(model, { 'attention.*': lora({ rank: 2, alpha: 3 }) }));
  const queries = ({ attention }: typeof model): Tensor =>
    attention.query.call(x, Context.evaluation);
  await expectClose(queries(routed), queries(always));
});

test('other ids of the same shape run the same plan', async () => {
  const run = compile((tree: typeof model, tokens: Tensor) =>
    call(invokeAdapters(tree, tokens), tokens),
  );
  const other = tensor([1, 2, 3, 7, 8, 2], [1, 6], 'i32');
  for (const tokens of [ids, other])
    await expectClose(run(await tuned, tokens), call(invokeAdapters(await tuned, tokens), tokens));
  expect(run.planCount()).toBe(1);
});

test('it trains through its invocation', async () => {
  const [live, frozen] = partition(await tuned, isTrainable);
  const loss = (tree: typeof live): Tensor =>
    call(invokeAdapters(combine(tree, frozen), ids), ids).sum();
  for (const [, slope] of paths(grad(loss)(live)))
    expect((await numbers(slope)).some((value) => value !== 0)).toBe(true);
});

test('beside an adapter that always acts, each does what it does', async () => {
  const head = { head: lora({ rank: 1, initLoraWeights: false }) };
  const both = adapt(await tuned, head, { name: 'plain' });
  const onBase = adapt(model, head, { name: 'plain' });
  const invoked = call(invokeAdapters(both, ids), ids);
  expect(await numbers(part(invoked, 0, 1))).toEqual(await numbers(part(call(onBase, ids), 0, 1)));
  await expectClose(call(disable(both, 'default'), ids), call(onBase, ids), 0);
});

test('the tokens are in the file', async () => {
  const { config } = encodeAdapter(await tuned);
  expect(config.alora_invocation_tokens).toEqual(invocationTokens);
  const loaded = await decodeAdapter(model, await withConfig(await filesOf(await tuned)));
  expect(encodeAdapter(loaded).config).toEqual(config);
  await expectClose(
    call(invokeAdapters(loaded, ids), ids),
    call(invokeAdapters(await tuned, ids), ids),
    0,
  );
  const files = await withConfig(await filesOf(await tuned), { alora_invocation_tokens: [] });
  await expect(decodeAdapter(model, files)).rejects.toThrow(refusal('invalid-config', 'alora'));
});

test.each<[string, string, () => unknown]>([
  ['unsupported', 'a merged weight', async () => merge(await tuned)],
  ['unsupported', 'a plain call', async () => call(await tuned, ids)],
  ['unsupported', 'a router', async () => arrow(await tuned)],
  [
    'unsupported',
    'many adapters',
    async () => mixBatch(await tuned, adapterRows(await tuned, [null])),
  ],
  ['unsupported', 'a sum of updates', async () => updateOf(await tuned)],
  ['no-match', 'waits', () => invokeAdapters(model, ids)],
  ['shape-mismatch', 'sequences', async () => invokeAdapters(await tuned, tensor([1], [1], 'i32'))],
  ['invalid-config', 'at least one token', () => lora({ invocationTokens: [] })],
  [
    'unsupported',
    'a bias',
    () => adapt(model, { head: lora({ loraBias: true, invocationTokens }) }),
  ],
  ['unsupported', 'a bias', () => adapt(model, { head: road({ groupSize: 2, invocationTokens }) })],
  [
    'unsupported',
    'alora_invocation_tokens',
    () => encodeAdapter(adapt(model, { head: loha({ invocationTokens }) })),
  ],
  [
    'unsupported',
    'wait for other tokens',
    () =>
      encodeAdapter(adapt(model, { head: lora(), 'attention.query': lora({ invocationTokens }) })),
  ],
])('%s: %s', async (code, text, act) => {
  await expect((async () => await act())()).rejects.toThrow(
    refusal(code as Parameters<typeof refusal>[0], text),
  );
});
