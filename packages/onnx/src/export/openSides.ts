import type { GraphBuilder, Sides } from '../graphBuilder.ts';

/** A side of an input that is known only when the graph runs. */
export interface OpenSide {
  /** As it is called in the file. */
  readonly name: string;
  readonly input: string;
  readonly axis: number;
  /** The prime that stands for it while a function is traced. */
  readonly prime: number;
}

/** A product of open sides and a factor, and what is added to it. */
interface Expression {
  readonly factor: number;
  readonly sides: readonly OpenSide[];
  readonly offset: number;
}

/** Reads sizes that primes stand for, and writes them as nodes that compute them from the shapes of inputs. */
export class OpenSides implements Sides {
  readonly #sides: readonly OpenSide[];
  readonly #reach: number;
  readonly #written = new Map<string, string>();

  /** @param reach how far a size may be from that of a side and still be told from it. */
  constructor(sides: readonly OpenSide[], reach: number) {
    this.#sides = sides;
    this.#reach = reach;
  }

  isOpen(side: number): boolean {
    return this.#read(side) !== undefined;
  }

  /** How a size is called in a file: by the name of its side, or by what it is computed from. */
  nameOf(size: number): string | number {
    const expression = this.#read(size);
    return expression === undefined ? size : textOf(expression);
  }

  ints(graph: GraphBuilder, values: readonly number[]): string | undefined {
    if (!values.some((value) => this.isOpen(value))) return undefined;
    const parts = values.map((value) => {
      const expression = this.#read(value);
      return expression === undefined
        ? graph.constant('int64', [1], [value])
        : this.#write(graph, expression);
    });
    return parts.length === 1 ? (parts[0] as string) : graph.node('Concat', parts, { axis: 0 });
  }

  #read(value: number): Expression | undefined {
    if (value < 2) return undefined;
    const product = this.#factor(value);
    if (product.sides.length > 0) return product;
    const near = this.#sides.find(({ prime }) => Math.abs(value - prime) <= this.#reach);
    return near && { factor: 1, sides: [near], offset: value - near.prime };
  }

  #factor(value: number): Expression {
    let factor = value;
    const sides: OpenSide[] = [];
    for (const side of this.#sides)
      for (; factor % side.prime === 0; factor /= side.prime) sides.push(side);
    return { factor, sides, offset: 0 };
  }

  #write(graph: GraphBuilder, expression: Expression): string {
    const key = textOf(expression);
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const { factor, sides, offset } = expression;
    const sizes = sides.map(({ input, axis }) =>
      graph.node('Shape', [input], { start: axis, end: axis + 1 }),
    );
    const number = (value: number): string => graph.constant('int64', [1], [value]);
    const factors = factor === 1 ? sizes : [...sizes, number(factor)];
    const product = factors.reduce((a, b) => graph.node('Mul', [a, b]));
    const written = offset === 0 ? product : graph.node('Add', [product, number(offset)]);
    this.#written.set(key, written);
    return written;
  }
}

function textOf({ factor, sides, offset }: Expression): string {
  const product = [...sides.map(({ name }) => name), ...(factor === 1 ? [] : [factor])].join('*');
  if (offset === 0) return product;
  return `${product}${offset > 0 ? '+' : ''}${offset}`;
}
