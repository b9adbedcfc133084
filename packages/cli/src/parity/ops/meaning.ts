import { LorikeetError, type Tensor } from '@lorikeet/tensor-core';

/** A case's operands by their names in PyTorch. */
export type Operands = Readonly<Record<string, Tensor>>;
/** Its other arguments, as they were given to PyTorch. */
export type Parameters = Readonly<Record<string, unknown>>;

/** How an operation of PyTorch is said in our ops. */
export type Meaning = (operands: Operands, parameters: Parameters) => readonly Tensor[];
export type Meanings = Readonly<Record<string, Meaning>>;

export function get(operands: Operands, name: string): Tensor {
  const found = operands[name];
  if (found !== undefined) return found;
  throw new LorikeetError('missing-tensor', `the case has no operand '${name}'`, {
    expected: Object.keys(operands).join(', '),
  });
}

/** Of the operand `x` alone. */
export function ofX(fn: (x: Tensor, parameters: Parameters) => Tensor): Meaning {
  return (operands, parameters) => [fn(get(operands, 'x'), parameters)];
}

/** Of the operands `a` and `b`, one result for each function. */
export function ofAB(...fns: readonly ((a: Tensor, b: Tensor) => Tensor)[]): Meaning {
  return (operands) => fns.map((fn) => fn(get(operands, 'a'), get(operands, 'b')));
}

/** A number that was given, or `otherwise`. */
export function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

/** PyTorch's `dim`, where one axis is meant. */
export function axisOf({ dim }: Parameters): number {
  return numberOr(dim, -1);
}

/** PyTorch's `dim`, where one axis, some or all are meant. */
export function axesOf({ dim }: Parameters): number | readonly number[] | undefined {
  return typeof dim === 'number' || Array.isArray(dim) ? dim : undefined;
}

/** PyTorch's `keepdim`. */
export function keeping({ keepdim }: Parameters): { keepAxes: boolean } {
  return { keepAxes: keepdim === true };
}
