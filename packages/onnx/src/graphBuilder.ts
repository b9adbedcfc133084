import type {
  GraphProto,
  NodeAttributes,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from './proto/model.ts';

export interface NodeOptions {
  /** `com.microsoft` for the operators that ONNX Runtime adds; else ONNX's own. */
  readonly domain?: 'com.microsoft';
  /** How many results are asked for; 1 if not given. */
  readonly outputs?: number;
}

/** What stands for sides that are known only when a graph runs. */
export interface Sides {
  /** A list of integers some of which depend on such sides, or `undefined` if none does. */
  ints(graph: GraphBuilder, values: readonly number[]): string | undefined;
  isOpen(side: number): boolean;
}

const arrays = {
  float: Float32Array,
  double: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

export type ConstantType = 'float' | 'double' | 'int32' | 'int64' | 'uint64' | 'uint8' | 'bool';

/** Collects the nodes and constants of one graph, in the order in which they run. Equal small constants exist once. */
export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, string>();
  /** Names from outside, by those that nodes gave. */
  readonly #names = new Map<string, string>();
  #count = 0;
  readonly #sides: Sides | undefined;
  /** The module for which nodes are added: their names tell it to a profile. */
  path = '';

  /** @param sides finds the sides of tensors that are known only when the graph runs. */
  constructor(sides?: Sides) {
    this.#sides = sides;
  }

  /** Adds a node and returns the name of its first result. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: NodeAttributes = {},
    options: NodeOptions = {},
  ): string {
    const [first = ''] = this.nodes(opType, inputs, attributes, options);
    return first;
  }

  /** Adds a node and returns the names of all its results. */
  nodes(
    opType: string,
    inputs: readonly string[],
    attributes: NodeAttributes = {},
    { domain, outputs: count = 1 }: NodeOptions = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh());
    const name = `${this.path}/${opType}_${outputs[0] ?? ''}`;
    this.#nodes.push({ opType, domain: domain ?? '', name, inputs, outputs, attributes });
    return outputs;
  }

  /** A constant of few elements, written into the model. */
  constant(elementType: ConstantType, dims: readonly number[], values: ArrayLike<number>): string {
    const key = `${elementType} ${dims.join()} ${Array.from(values, (v) => (Object.is(v, -0) ? '-0' : v)).join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.fresh();
    const array = new arrays[elementType](values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      array[i] =
        array instanceof BigInt64Array || array instanceof BigUint64Array ? BigInt(value) : value;
    }
    this.#initializers.push({ name, elementType, dims, data: new Uint8Array(array.buffer) });
    this.#constants.set(key, name);
    return name;
  }

  /** A list of integers, as shapes and axes are given. */
  ints(values: readonly number[]): string {
    return this.#sides?.ints(this, values) ?? this.constant('int64', [values.length], values);
  }

  /** Whether a side is known only when the graph runs. */
  isOpen(side: number): boolean {
    return this.#sides?.isOpen(side) ?? false;
  }

  initializer(tensor: Omit<TensorProto, 'name'>): string {
    const name = this.fresh();
    this.#initializers.push({ ...tensor, name });
    return name;
  }

  /** Gives a value a name from outside. It is copied only if it has one, or is no result of a node. */
  rename(from: string, to: string): void {
    const isMade = this.#nodes.some(({ outputs }) => outputs.includes(from));
    if (isMade && !this.#names.has(from)) {
      this.#names.set(from, to);
      return;
    }
    this.#nodes.push({
      opType: 'Identity',
      domain: '',
      name: `/Identity_${to}`,
      inputs: [from],
      outputs: [to],
      attributes: {},
    });
  }

  fresh(): string {
    // No path of a tensor starts so.
    return `#${this.#count++}`;
  }

  /** The graph of what `outputs` need. */
  build(
    name: string,
    inputs: readonly ValueInfoProto[],
    outputs: readonly ValueInfoProto[],
  ): GraphProto {
    const named = (name: string): string => this.#names.get(name) ?? name;
    const needed = new Set(outputs.map((output) => output.name));
    const nodes: NodeProto[] = [];
    for (const { inputs, outputs, ...rest } of this.#nodes.toReversed()) {
      const node = { ...rest, inputs: inputs.map(named), outputs: outputs.map(named) };
      if (!node.outputs.some((output) => needed.has(output))) continue;
      nodes.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    const initializers = this.#initializers.filter((tensor) => needed.has(tensor.name));
    return { name, nodes: nodes.reverse(), initializers, inputs, outputs };
  }
}
