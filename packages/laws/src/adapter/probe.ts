import { at, type Context, Conv1D, Convolution, Embedding, Linear, type Site } from '@lorikeet/nn';
import { type Draw, type Tensor, tensor } from '@lorikeet/tensor-core';
import { noiseTensor } from '../noise.ts';

type Part = Linear | Conv1D | Embedding | Convolution;

/** A model of three modules in nests of lists, records and other modules. */
export class Probe {
  readonly layers: readonly unknown[];
  /** Paths of the two modules that get adapters. */
  readonly adapted: readonly [first: string, second: string];
  /** Path of the one that gets none; its name may be that of another. */
  readonly plain: string;

  constructor(layers: readonly unknown[], adapted: readonly [string, string], plain: string) {
    this.layers = layers;
    this.adapted = adapted;
    this.plain = plain;
  }

  /** The output of each module for an input of its own. */
  call(inputs: readonly Tensor[], context: Context): Tensor[] {
    return [...this.adapted, this.plain].map((path, i) => {
      const [part, input] = [at(this, path), inputs[i]];
      if (!isPart(part) || input === undefined) throw new Error(`the probe has no part at ${path}`);
      return part.call(input, context.child(i));
    });
  }
}

function isPart(value: unknown): value is Part {
  return [Linear, Conv1D, Embedding, Convolution].some((kind) => value instanceof kind);
}

/** A module around others, such as a layer of a transformer. */
class Block {
  readonly inner: unknown;
  /** Static. */
  readonly width = 3;

  constructor(inner: unknown) {
    this.inner = inner;
  }

  call(): never {
    throw new Error('a block of a probe is called part by part');
  }
}

/**
 * A probe in f64 whose parts are of the given kinds, with inputs.
 *
 * @param needsBias whether every part must have a bias, which an embedding never has.
 */
export function drawProbe(
  draw: Draw,
  kinds: readonly Site['kind'][],
  needsBias = false,
): { model: Probe; inputs: readonly Tensor[] } {
  const allowed = needsBias ? kinds.filter((kind) => kind !== 'embedding') : kinds;
  const first = drawPart(draw, draw.pick(allowed), { seed: 1, needsBias });
  const second = drawPart(draw, draw.pick(allowed), { seed: 2, needsBias });
  const plain = drawPart(draw, 'linear', { seed: 3, needsBias: false });
  const nests = [
    drawNest(draw, first.module, 'first'),
    drawNest(draw, second.module, 'second'),
    drawNest(draw, plain.module, draw.pick(['first', 'other'])),
  ];
  const order = draw.permutation(3);
  const paths = nests.map(({ path }, i) => `layers.${order.indexOf(i)}.${path}`);
  const layers = order.map((i) => nests[i]?.tree);
  const [one = '', two = '', three = ''] = paths;
  return {
    model: new Probe(layers, [one, two], three),
    inputs: [first.input, second.input, plain.input],
  };
}

/** A module under a name, in up to two nests; and its path there. */
function drawNest(draw: Draw, module: Part, name: string): { tree: unknown; path: string } {
  let [tree, path]: [unknown, string] = [{ [name]: module }, name];
  for (let depth = draw.integer(0, 2); depth > 0; depth--) {
    const nest = draw.pick(['list', 'record', 'block']);
    if (nest === 'list') [tree, path] = [[null, tree], `1.${path}`];
    if (nest === 'record') [tree, path] = [{ layer: tree, epsilon: 1e-5 }, `layer.${path}`];
    if (nest === 'block') [tree, path] = [new Block(tree), `inner.${path}`];
  }
  return { tree, path };
}

function drawPart(
  draw: Draw,
  kind: Site['kind'],
  { seed, needsBias }: { readonly seed: number; readonly needsBias: boolean },
): { readonly module: Part; readonly input: Tensor } {
  const [out, inputs] = [draw.integer(1, 4), draw.integer(1, 4)];
  const bias = needsBias || draw.boolean() ? noiseTensor([out], seed + 20) : null;
  if (kind === 'embedding') {
    const ids = Int32Array.from({ length: 5 }, (_, i) => (3 * i + 1) % inputs);
    return {
      module: new Embedding(noiseTensor([inputs, out], seed)),
      input: tensor(ids, [1, 5], 'i32'),
    };
  }
  if (kind === 'conv') {
    const kernel = draw.pick([[1], [2], [2, 1]]);
    const sides = kernel.map(() => 3);
    const options = { stride: draw.integer(1, 2), padding: draw.integer(0, 1) };
    return {
      module: new Convolution(noiseTensor([out, inputs, ...kernel], seed), bias, options),
      input: noiseTensor([2, inputs, ...sides], seed + 10),
    };
  }
  const input = noiseTensor([...draw.pick([[3], [2, 2]]), inputs], seed + 10);
  return draw.boolean()
    ? { module: new Linear(noiseTensor([out, inputs], seed), bias), input }
    : {
        module: new Conv1D(noiseTensor([inputs, out], seed), noiseTensor([out], seed + 20)),
        input,
      };
}
