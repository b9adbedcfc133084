import { createOnnxBackend, type OnnxRuntime } from '@lorikeet/onnx';
import {
  compile,
  dynamicUpdateSlice,
  ones,
  stack,
  type Tensor,
  tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { on } from './on.ts';

/** A backend, and how many results were written over an operand until now. */
function observed(): {
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
  readonly written: () => number;
} {
  let written = 0;
  const runtime: OnnxRuntime = {
    Tensor: RuntimeTensor,
    InferenceSession: {
      async create(model, options) {
        const session = await InferenceSession.create(model, options);
        return {
          async run(feeds, fetches) {
            const given = new Set(Object.values(feeds).map(({ data }) => data));
            for (const target of Object.values(fetches))
              if (target !== null && given.has(target.data)) written += 1;
            // ONNX Runtime makes copies of its results; what is to be written is in the tensors it was given.
            await session.run(feeds, fetches);
          },
          endProfiling: () => session.endProfiling(),
        };
      },
    },
  };
  const backend = createOnnxBackend(runtime, { threads: 1, hostWork: 0 });
  return { run: (work) => on(backend, work), written: () => written };
}

const shape = [2, 1, 4, 3];

/** Puts `rows` [2, 1, 1, 3] to a place along the axis of length 4. */
function put(cache: Tensor, rows: Tensor, place: Tensor): Tensor {
  const none = zeros([], 'i32');
  return dynamicUpdateSlice(cache, rows, stack([none, none, place, none], 0));
}

const rowsOfOnes = (): Tensor => ones([2, 1, 1, 3]);
const at = (place: number): Tensor => tensor(place, undefined, 'i32');

/** A cache whose memory nobody else has. */
const computed = (value: number): Tensor => zeros(shape).add(value);

/** Elements of a cache of `value` with ones at some places. */
function withOnes(value: number, ...places: readonly number[]): number[] {
  return [0, 1].flatMap(() =>
    [0, 1, 2, 3].flatMap((place) => new Array<number>(3).fill(places.includes(place) ? 1 : value)),
  );
}

test('a donated cache is written over and not copied', async () => {
  const { run, written } = observed();
  await run(async () => {
    const step = compile((cache: Tensor, rows: Tensor, place: Tensor) => put(cache, rows, place), {
      donate: [0],
    });
    let cache = step(computed(5), rowsOfOnes(), at(1));
    cache = step(cache, rowsOfOnes(), at(3));
    expect(written()).toBe(0);
    expect(Array.from(await cache.data())).toEqual(withOnes(5, 1, 3));
    expect(written()).toBe(2);
  });
});

test('attention reads what was written', async () => {
  const { run, written } = observed();
  await run(async () => {
    const step = compile(
      (cache: Tensor, rows: Tensor, place: Tensor) => {
        const next = put(cache, rows, place);
        return { next, twice: next.mul(2), sum: next.sum() };
      },
      { donate: [0] },
    );
    const { next, twice, sum } = step(computed(5), rowsOfOnes(), at(0));
    expect(Array.from(await next.data())).toEqual(withOnes(5, 0));
    expect(Array.from(await twice.data())).toEqual(withOnes(5, 0).map((x) => 2 * x));
    expect(Number((await sum.data())[0])).toBe(6 + 18 * 5);
    expect(written()).toBe(1);
  });
});

test('a cache that is kept, read beside the step, or given twice stays as it is', async () => {
  const { run, written } = observed();
  await run(async () => {
    const kept = compile((cache: Tensor, rows: Tensor, place: Tensor) => put(cache, rows, place));
    const cache = computed(5);
    await kept(cache, rowsOfOnes(), at(2)).data();
    expect(Array.from(await cache.data())).toEqual(withOnes(5));

    const readToo = compile(
      (before: Tensor, rows: Tensor, place: Tensor) => put(before, rows, place).sub(before),
      { donate: [0] },
    );
    expect(Array.from(await readToo(computed(5), rowsOfOnes(), at(2)).data())).toEqual(
      withOnes(5, 2).map((x) => x - 5),
    );

    const both = compile(
      (one: Tensor, other: Tensor, rows: Tensor) => [
        put(one, rows, at(0)),
        put(other, rows, at(1)),
      ],
      { donate: [0, 1] },
    );
    const same = computed(5);
    const [first, second] = both(same, same, rowsOfOnes());
    expect(Array.from(await (first as Tensor).data())).toEqual(withOnes(5, 0));
    expect(Array.from(await (second as Tensor).data())).toEqual(withOnes(5, 1));
  });
  expect(written()).toBe(0);
});

test('an array of the caller is left as it is', async () => {
  const { run, written } = observed();
  const array = new Float32Array(24).fill(5);
  await run(async () => {
    const step = compile((cache: Tensor, rows: Tensor, place: Tensor) => put(cache, rows, place), {
      donate: [0],
    });
    const next = step(tensor(array, shape), rowsOfOnes(), at(1));
    expect(Array.from(await next.data())).toEqual(withOnes(5, 1));
    const read = computed(5);
    const seen = await read.data();
    await step(read, rowsOfOnes(), at(1)).data();
    expect(Array.from(seen)).toEqual(withOnes(5));
  });
  expect(Array.from(array)).toEqual(withOnes(5));
  expect(written()).toBe(0);
});
