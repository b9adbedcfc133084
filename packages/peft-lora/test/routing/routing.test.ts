import { Context, combine, partition, paths } from '@lorikeet/nn';
import {
  AdaptedWeight,
  type AdaptSpec,
  adapt,
  adapterLayers,
  adapterNames,
  applyScalings,
  arrow,
  disable,
  gateAdapters,
  hira,
  isRouter,
  isTrainable,
  LinearRouter,
  lora,
  loraFa,
  merge,
  mixBatch,
  RoutedWeight,
  type Router,
  routeAdapters,
  routedPlaces,
  unroute,
  XLoraClassifier,
} from '@lorikeet/peft-lora';
import {
  abs,
  concat,
  full,
  grad,
  normal,
  randomKey,
  softmax,
  sqrt,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectClose, ids, numbers, refusal, Small, trainedForm } from '../support.ts';

const model = new Small();
const key = randomKey(4);
const names = ['one', 'two', 'three'] as const;

/** The model with adapters of these names, each with other values. */
async function many(
  count: number,
  method: AdaptSpec[string] = lora({ rank: 2, alpha: 3 }),
): Promise<Small> {
  let tuned = model;
  for (const [i, name] of names.slice(0, count).entries())
    tuned = adapt(tuned, { '**.{query,value}': method }, { key: randomKey(i), name });
  return await trainedForm(tuned, 20);
}

function only(tuned: Small, kept: string): Small {
  return names
    .filter((name) => name !== kept && adapterNames(tuned).includes(name))
    .reduce((tree, name) => disable(tree, name), tuned);
}

/** Gates that are the same for every input. */
class FixedRouter implements Router {
  readonly gates: readonly number[];

  constructor(gates: readonly number[]) {
    this.gates = gates;
  }

  call(x: Tensor): Tensor {
    return tensor([...this.gates]).broadcastTo([...x.shape.slice(0, -1), this.gates.length]);
  }
}

function fixed(tuned: Small, gates: readonly number[]): Small {
  return routeAdapters(tuned, () => new FixedRouter(gates));
}

function routersOf(tree: unknown): Router[] {
  const found: Router[] = [];
  const walk = (node: unknown): void => {
    if (node instanceof RoutedWeight) found.push(node.router);
    else if (typeof node === 'object' && node !== null) Object.values(node).forEach(walk);
  };
  walk(tree);
  return found;
}

const three = await many(3);

describe('routeAdapters', () => {
  test.each(names)(
    'gives the adapter %s alone where its gate is 1 and the others 0',
    async (name) => {
      const gates = names.map((other) => (other === name ? 1 : 0));
      await expectClose(fixed(three, gates).call(ids), only(three, name).call(ids));
    },
  );

  test('gives the base where all gates are 0, and every adapter where all are 1', async () => {
    await expectClose(fixed(three, [0, 0, 0]).call(ids), model.call(ids));
    // Low-rank updates add up, so that stacking them is to sum them.
    await expectClose(fixed(three, [1, 1, 1]).call(ids), three.call(ids));
  });

  test('does so with methods whose change is no low-rank product, and with dropout', async () => {
    const high = await many(2, hira({ rank: 2 }));
    await expectClose(fixed(high, [0, 1]).call(ids), only(high, 'two').call(ids));
    const dropped = await many(2, lora({ rank: 2, dropout: 0.5 }));
    const training = Context.training(key);
    const [a, b] = [fixed(dropped, [0, 1]), fixed(dropped, [0, 0])];
    expect(await numbers(a.call(ids, training))).not.toEqual(await numbers(a.call(ids)));
    await expectClose(b.call(ids, training), model.call(ids));
  });

  test('cannot be merged; unroute gives back the adapters with the values of now', async () => {
    const routed = fixed(three, [0.2, 0.3, 0.5]);
    expect(() => merge(routed)).toThrow(refusal('unsupported', 'depend on the input'));
    expect(() => merge(mixBatch(three, ['one', null]))).toThrow(refusal('unsupported'));
    expect(() => {
      const weight = routed.encoder.layer[0]?.query.weight;
      if (weight instanceof RoutedWeight) weight.materialize();
    }).toThrow(refusal('unsupported', 'unroute'));
    await expectClose(unroute(routed).call(ids), three.call(ids), 0);
    expect(adapterLayers(unroute(routed)).map(({ path, layer }) => [path, layer.name])).toEqual(
      adapterLayers(three).map(({ path, layer }) => [path, layer.name]),
    );
  });

  test('refuses what it cannot route', () => {
    const router = (): Router => new FixedRouter([1]);
    expect(() => routeAdapters(model, router)).toThrow(refusal('no-match'));
    const tables = adapt(model, { words: lora() });
    expect(() => routeAdapters(tables, router)).toThrow(refusal('unsupported', "'embedding'"));
    const biased = adapt(model, { 'encoder.layer.0.out': lora({ loraBias: true }) });
    expect(() => routeAdapters(biased, router)).toThrow(refusal('unsupported', 'a bias'));
  });
});

describe('arrow', () => {
  test('with one adapter is that adapter, whatever the temperature', async () => {
    const one = await many(1);
    await expectClose(arrow(one).call(ids), one.call(ids));
    await expectClose(arrow(one, { temperature: 0.01, topK: 1 }).call(ids), one.call(ids));
  });

  test('gates by the direction that each adapter changes most, found without a dense matrix', async () => {
    const routed = arrow(three, { temperature: 0.7 });
    const [router] = routersOf(routed);
    const layers = adapterLayers(three).filter(({ path }) => path.endsWith('0.query.weight'));
    const x = normal(key, [5, 6]);
    const lengths = layers.reverse().map(({ layer }) => {
      const { A, B } = layer instanceof AdaptedWeight ? layer.parameters : {};
      if (A === undefined || B === undefined) throw new Error('there are no factors');
      // The power iteration of the paper, on the dense matrix.
      const dense = B.matmul(A);
      const squared = dense.permute([1, 0]).matmul(dense);
      let v = full([6], 1).add(tensor([0, 0.1, 0.2, 0.3, 0.4, 0.5]));
      for (let i = 0; i < 300; i++) {
        v = squared.matmul(v);
        v = v.div(sqrt(v.mul(v).sum()));
      }
      return abs(x.matmul(v));
    });
    const expected = softmax(
      concat(
        lengths.map((length) => length.reshape([5, 1])),
        -1,
      ).div(0.7),
    );
    if (router === undefined) throw new Error('there is no router');
    await expectClose(router.call(x, Context.evaluation), expected, 1e-3);
  });

  test('lets topK adapters count, and their gates sum to 1', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(), async (topK, seed) => {
        const [router] = routersOf(arrow(three, { topK }));
        const gates = await numbers(
          (router as Router).call(normal(randomKey(seed), [4, 6]), Context.evaluation),
        );
        for (let row = 0; row < 4; row++) {
          const own = gates.slice(3 * row, 3 * row + 3);
          expect(own.reduce((sum, gate) => sum + gate, 0)).toBeCloseTo(1, 5);
          expect(own.filter((gate) => gate !== 0)).toHaveLength(Math.min(topK, 3));
        }
      }),
      { numRuns: 8 },
    );
  });

  test('takes general knowledge away: the mean of what those adapters change', async () => {
    const routed = arrow(three, { general: ['one', 'three'], topK: 1 });
    // One adapter of a task is left, so that its gate is 1.
    await expectClose(routed.call(ids), fixed(three, [-0.5, 1, -0.5]).call(ids));
    expect(() => arrow(three, { general: ['four'] })).toThrow(refusal('no-match'));
    expect(() => arrow(three, { general: [...names] })).toThrow(refusal('unsupported', 'general'));
  });

  test('refuses other methods, and settings that make no gates', async () => {
    const high = await many(1, hira({ rank: 2 }));
    expect(() => arrow(high)).toThrow(refusal('unsupported', 'hira'));
    expect(() => arrow(three, { temperature: 0 }).call(ids)).toThrow(refusal('invalid-argument'));
    expect(() => arrow(three, { topK: 0 }).call(ids)).toThrow(refusal('invalid-argument'));
  });
});

describe('gateAdapters', () => {
  const routed = gateAdapters(three, { key });
  const isLive = (leaf: Tensor, place: Parameters<typeof isRouter>[1]): boolean =>
    isTrainable(leaf, place) || isRouter(leaf, place);

  test('has a router at each place, whose gates sum to 1 and depend on the input', async () => {
    const routers = routersOf(routed);
    expect(routers).toHaveLength(routedPlaces(three).length);
    const [router] = routers;
    if (!(router instanceof LinearRouter)) throw new Error('there is no router');
    expect(router.weight.shape).toEqual([3, 6]);
    const gates = router.call(normal(key, [4, 6]));
    await expectClose(gates.sum(-1), full([4], 1));
    const [first, second] = [0, 1].map((row) => numbers(gates).then((all) => all[3 * row]));
    expect(await first).not.toBe(await second);
  });

  test.each([undefined, 2])(
    'sends gradients to routers and adapters with topK %s',
    async (topK) => {
      const gated = gateAdapters(three, topK === undefined ? { key } : { key, topK });
      const [live, frozen] = partition(gated, isLive);
      const slopes = grad((part: typeof live) => {
        const y = combine(part, frozen).call(ids);
        return y.mul(y).sum();
      })(live);
      const found = paths(slopes);
      expect(found.filter(([path]) => path.includes('.router.'))).toHaveLength(4);
      expect(found).toHaveLength(4 + 4 * 3 * 2);
      for (const [path, leaf] of found)
        expect([path, (await numbers(leaf)).some((value) => value !== 0)]).toEqual([path, true]);
      const base = new Set(paths(model).map(([, leaf]) => leaf));
      expect(paths(live).filter(([, leaf]) => base.has(leaf))).toEqual([]);
    },
  );

  test('trains by the optimisers of factors too', () => {
    const [live] = partition(routed, isLive);
    const optimizer = loraFa({ learningRate: 0.1 });
    const { updates } = optimizer.update(live, optimizer.init(live), live);
    expect(paths(updates)).toHaveLength(paths(live).length);
  });

  test('is made by its key', async () => {
    const weights = await Promise.all(
      [key, key, randomKey(9)].map((one) => numbers(gateAdapters(three, { key: one }).call(ids))),
    );
    expect(weights[0]).toEqual(weights[1]);
    expect(weights[0]).not.toEqual(weights[2]);
  });
});

describe('X-LoRA', () => {
  const places = routedPlaces(three).length;
  const hidden = normal(key, [2, 4, 6]);
  const make = (more = {}): XLoraClassifier =>
    XLoraClassifier.init({ hiddenSize: 6, places, adapters: 3, size: 5, ...more }, key);

  test('gives gates for each token that sum to the global weight', async () => {
    for (const layerwise of [true, false]) {
      const gates = make({ layerwise, globalWeight: 0.5, depth: 3 }).call(
        hidden,
        Context.evaluation,
      );
      expect(gates.shape).toEqual([2, 4, layerwise ? places : 1, 3]);
      await expectClose(gates.sum(-1), full(gates.shape.slice(0, -1), 0.5));
    }
  });

  test('applies to each place and token its own gates', async () => {
    // The outermost adapter comes first.
    expect(adapterNames(three)).toEqual(['three', 'two', 'one']);
    const last = full([2, 4, 1, 3], 0).add(tensor([0, 0, 1]));
    await expectClose(applyScalings(three, last).call(ids), only(three, 'one').call(ids));
    const firstPlace = concat([last, ...Array.from({ length: places - 1 }, () => last.mul(0))], -2);
    const gates = routersOf(applyScalings(three, firstPlace)).map((router) =>
      numbers(router.call(hidden, Context.evaluation)),
    );
    const sums = (await Promise.all(gates)).map((own) => own.reduce((sum, gate) => sum + gate, 0));
    expect(sums).toEqual([8, 0, 0, 0]);
    // The second sentence counts for nothing where its gates are 0.
    const sentence = last.mul(tensor([1, 0]).reshape([2, 1, 1, 1]));
    const mixed = await numbers(applyScalings(three, sentence).call(ids));
    expect(mixed.slice(3)).toEqual((await numbers(fixed(three, [0, 0, 0]).call(ids))).slice(3));
    expect(mixed.slice(0, 3)).toEqual(
      (await numbers(fixed(three, [1, 0, 0]).call(ids))).slice(0, 3),
    );
  });

  test('sends gradients to the classifier, through the gates', async () => {
    const classifier = make({ layerwise: true, depth: 2, topK: 2 });
    const slopes = grad((own: XLoraClassifier) => {
      const y = applyScalings(three, own.call(hidden, Context.evaluation)).call(ids);
      return y.mul(y).sum();
    })(classifier);
    for (const [path, leaf] of paths(slopes))
      expect([path, (await numbers(leaf)).some((value) => value !== 0)]).toEqual([path, true]);
  });

  test('drops between its layers in training only', async () => {
    const classifier = make({ depth: 2, dropout: 0.5 });
    const training = classifier.call(hidden, Context.training(key));
    expect(await numbers(training)).not.toEqual(
      await numbers(classifier.call(hidden, Context.evaluation)),
    );
  });

  test('refuses gates that do not fit', () => {
    const wrong = (...shape: number[]): unknown => applyScalings(three, full(shape, 0)).call(ids);
    expect(() => wrong(2, 4, 1, 2)).toThrow(refusal('shape-mismatch', '3 adapters'));
    expect(() => wrong(2, 4, 3, 3)).toThrow(refusal('shape-mismatch', '4 places'));
    expect(() => wrong(2, 4, 5, 3)).toThrow(refusal('shape-mismatch', '4 places'));
    expect(() => wrong(2, 5, 1, 3)).toThrow(refusal('shape-mismatch', 'not those of this input'));
  });
});
