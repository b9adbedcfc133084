import { at, type Context, Convolution, paths, type Site } from '@lorikeet/nn';
import type { Draw, Tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { callPart, drawPart, isPart, type Part } from './part.ts';

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

  /** The modules at these paths. */
  parts(): (readonly [path: string, part: Part])[] {
    return [...this.adapted, this.plain].map((path) => {
      const part = at(this, path);
      if (!isPart(part)) throw new Error(`the probe has no part at ${path}`);
      return [path, part];
    });
  }

  /** The output of each part for an input of its own. */
  call(inputs: readonly Tensor[], context: Context): Tensor[] {
    return this.parts().map(([path, part], i) => {
      const input = inputs[i];
      if (input === undefined) throw new Error(`the probe has no input for ${path}`);
      return callPart(part, input, context.child(i));
    });
  }
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

interface DrawnProbe {
  readonly model: Probe;
  /** One for each part; floating point, but for an embedding, which takes rows. */
  readonly inputs: readonly Tensor[];
}

/** A line for each part: where it is, what it is, and what it is called with. */
export function formatProbe({ model, inputs }: DrawnProbe): string {
  const lines = model.parts().map(([path, part], i) => {
    const tensors = paths(part).map(([name, leaf]) => `${name} ${leaf}`);
    const options = part instanceof Convolution ? [fc.stringify(part.options)] : [];
    return `${path}: ${part.constructor.name} (${[...tensors, ...options].join(', ')}) of ${inputs[i]}`;
  });
  return lines.join('\n');
}

const anySides: readonly number[] = [1, 2, 3, 4];

/**
 * A probe in f64 whose parts are of the given kinds, with inputs.
 *
 * @param needsBias whether every part must have a bias, which an embedding never has.
 * @param sides from which those of adapted weights are drawn.
 */
export function drawProbe(
  draw: Draw,
  kinds: readonly Site['kind'][],
  needsBias = false,
  sides: readonly number[] = anySides,
): DrawnProbe {
  const allowed = needsBias ? kinds.filter((kind) => kind !== 'embedding') : kinds;
  const first = drawPart(draw, draw.pick(allowed), { seed: 1, needsBias, sides });
  const second = drawPart(draw, draw.pick(allowed), { seed: 2, needsBias, sides });
  const plain = drawPart(draw, 'linear', { seed: 3, needsBias: false, sides: anySides });
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
