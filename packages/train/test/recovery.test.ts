import { type Context, Linear, sgd } from '@lorikeet/nn';
import {
  type Backend,
  createReferenceBackend,
  currentBackend,
  evaluate,
  LorikeetError,
  meanSquaredError,
  randomKey,
  relu,
  type Tensor,
  tensor,
  useBackend,
} from '@lorikeet/tensor-core';
import { createNodeWebgpuBackend, nodeWebgpuProvider } from '@lorikeet/tensor-core/webgpu/node';
import { type Batch, type FitOptions, fit } from '@lorikeet/train';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** Layers in a list, each of which makes much of little. */
class Block {
  readonly up: Linear;
  readonly down: Linear;

  constructor(up: Linear, down: Linear) {
    this.up = up;
    this.down = down;
  }

  call(x: Tensor, context: Context): Tensor {
    const hidden = relu(context.call('up', this.up, x));
    return context.call('down', this.down, context.child('dropout').dropout(hidden, 0.1));
  }
}

class Stack {
  readonly layers: readonly Block[];

  constructor(layers: readonly Block[]) {
    this.layers = layers;
  }

  call(x: Tensor, context: Context): Tensor {
    return this.layers.reduce((state, layer, i) => context.call(`layers.${i}`, layer, state), x);
  }
}

async function* batches(epoch: number): AsyncGenerator<Batch<Tensor>> {
  for (let i = 0; i < 4; i++) {
    const data = Array.from({ length: 64 * 8 }, (_, j) => Math.sin(j * (1 + i) + epoch));
    yield { inputs: tensor(data, [64, 8]), tokens: 64 };
  }
}

async function options(): Promise<FitOptions<Stack, Tensor, number>> {
  const linear = (inFeatures: number, outFeatures: number, seed: number): Linear =>
    Linear.init({ inFeatures, outFeatures }, randomKey(seed));
  const layers = [1, 2, 3].map((seed) => new Block(linear(8, 64, seed), linear(64, 8, seed)));
  return {
    model: await evaluate(new Stack(layers)),
    trainable: () => true,
    loss: (model, x, context) => meanSquaredError(model.call(x, context), x),
    optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
    batches,
    epochs: 3,
    evaluate: async (_, epoch) => epoch,
  };
}

let before: Backend;
beforeEach(() => {
  before = currentBackend();
});
afterEach(() => {
  useBackend(before);
});

describe('a device that is lost', () => {
  /** A backend of which, from the run of that number on, nothing can be had any more. */
  function mortal(lastRun: number): Backend {
    const whole = createReferenceBackend();
    let runs = 0;
    const lost = (): LorikeetError => new LorikeetError('device-lost', 'test: the device is lost');
    return {
      ...whole,
      run(...args) {
        runs += 1;
        return whole.run(...args);
      },
      async read(...args) {
        if (runs >= lastRun) throw lost();
        return await whole.read(...args);
      },
    };
  }

  test('costs the steps since the last state that was kept, and changes no bit', async () => {
    useBackend(createReferenceBackend());
    const whole = await fit(await options());
    useBackend(mortal(12));
    const backends: Backend[] = [];
    const told: number[] = [];
    const mended = await fit({
      ...(await options()),
      keepEvery: 2,
      callbacks: [{ onStep: ({ step }) => void told.push(step) }],
      recover: async () => {
        const next = backends.length === 0 ? mortal(5) : createReferenceBackend();
        backends.push(next);
        return next;
      },
    });
    expect(backends).toHaveLength(2);
    expect(told).toEqual(whole.steps.map(({ step }) => step));
    expect(mended.steps.map(({ loss }) => loss)).toEqual(whole.steps.map(({ loss }) => loss));
    expect(mended.evaluations).toEqual(whole.evaluations);
    expect(await weightsOf(mended.model)).toEqual(await weightsOf(whole.model));
  });

  test('is an error if nothing makes another, or if each is lost at once', async () => {
    useBackend(mortal(20));
    await expect(fit(await options())).rejects.toMatchObject({ code: 'device-lost' });
    useBackend(createReferenceBackend());
    const given = await options();
    useBackend(mortal(5));
    await expect(
      fit({ ...given, keepEvery: 100, recover: async () => mortal(5) }),
    ).rejects.toMatchObject({ code: 'device-lost' });
  });

  test('on WebGPU, too: destroyed in the middle, the losses are those of a whole run', async ({
    skip,
  }) => {
    const { available, reason } = await nodeWebgpuProvider.probe();
    if (!available) skip(reason);
    const whole = await createNodeWebgpuBackend();
    useBackend(whole);
    const wanted = (await fit(await options())).steps.map(({ loss }) => loss);
    whole.destroy();
    const doomed = await createNodeWebgpuBackend();
    useBackend(doomed);
    const next = await createNodeWebgpuBackend();
    const mended = await fit({
      ...(await options()),
      keepEvery: 2,
      callbacks: [
        {
          onStep: ({ step }) => {
            if (step === 5) doomed.destroy();
          },
        },
      ],
      recover: async () => next,
    });
    expect(mended.steps.map(({ loss }) => loss)).toEqual(wanted);
    next.destroy();
  });
});

describe('a step that is refused for want of memory', () => {
  test('is taken with its layers computed again, to the same losses', async ({ skip }) => {
    const { available, reason } = await nodeWebgpuProvider.probe();
    if (!available) skip(reason);
    const peaks: Record<string, number> = {};
    const losses: Record<string, readonly number[]> = {};
    for (const gradientCheckpointing of [false, true]) {
      const backend = await createNodeWebgpuBackend();
      useBackend(backend);
      const { steps } = await fit({ ...(await options()), gradientCheckpointing, epochs: 1 });
      peaks[String(gradientCheckpointing)] = backend.statistics().peakBytes;
      losses[String(gradientCheckpointing)] = steps.map(({ loss }) => loss);
      backend.destroy();
    }
    const { true: least = 0, false: most = 0 } = peaks;
    expect(least).toBeLessThan(most);
    expect(losses.true).toEqual(losses.false);

    const maxBytes = Math.floor((least + most) / 2);
    const small = await createNodeWebgpuBackend({ maxBytes });
    useBackend(small);
    await expect(fit({ ...(await options()), epochs: 1 })).rejects.toMatchObject({
      code: 'out-of-memory',
    });
    small.destroy();
    const again = await createNodeWebgpuBackend({ maxBytes });
    useBackend(again);
    const { steps } = await fit({ ...(await options()), epochs: 1, gradientCheckpointing: 'auto' });
    expect(steps.map(({ loss }) => loss)).toEqual(losses.false);
    expect(again.statistics().peakBytes).toBeLessThanOrEqual(maxBytes);
    again.destroy();
  });
});

async function weightsOf({ layers }: Stack): Promise<readonly number[]> {
  const all = await Promise.all(
    layers.map(async ({ up }) => [...(await (up.weight as Tensor).data())]),
  );
  return all.flat().map(Number);
}
