import { LorikeetError } from './errors.ts';
import { formatShape, type Shape } from './shape.ts';

/** Names of axes: letters, and `.1`, `.2`, ... for those under an ellipsis, counted from the last. */
export type AxisNames = readonly string[];

export interface EinsumPlan {
  /** Of each operand. */
  readonly terms: readonly AxisNames[];
  readonly result: AxisNames;
  /** Length of the axes of each name. */
  readonly sides: ReadonlyMap<string, number>;
}

const termPattern = /^([A-Za-z]*)(\.\.\.)?([A-Za-z]*)$/;

/** What an einsum equation says of operands of these shapes. Throws a typed error where it does not fit them. */
export function parseEinsum(equation: string, shapes: readonly Shape[]): EinsumPlan {
  const refuse = (problem: string, expected: string): LorikeetError =>
    new LorikeetError('invalid-argument', `einsum: ${problem} in '${equation}'`, {
      expected,
      received: `operands of ${shapes.map(formatShape).join(' and ')}`,
    });
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  if (more.length > 0) throw refuse('there is more than one ->', 'operands->result');
  const texts = left.split(',');
  if (texts.length !== shapes.length || shapes.length === 0)
    throw refuse(
      `there are ${texts.length} terms for ${shapes.length} operands`,
      'one term for each operand, with commas between',
    );
  const name = (text: string, covered: (letters: number) => number): string[] => {
    const [, before = '', dots, after = ''] = termPattern.exec(text) ?? [undefined, '?'];
    if (before === '?') throw refuse(`'${text}' is no term`, 'letters, and ... at most once');
    const count = dots === undefined ? 0 : covered(before.length + after.length);
    const hidden = Array.from({ length: Math.max(count, 0) }, (_, i) => `.${count - i}`);
    return [...before, ...hidden, ...after];
  };
  const terms = texts.map((text, i) => {
    const shape = shapes[i] ?? [];
    const names = name(text, (letters) => shape.length - letters);
    if (names.length === shape.length) return names;
    throw refuse(
      `'${text}' does not fit ${formatShape(shape)}`,
      `${shape.length} letters, or ... for some`,
    );
  });
  const sides = sidesOf(equation, terms, shapes);
  const hidden = [...sides.keys()].filter(isHidden);
  const result =
    right === undefined ? implicitResult(terms, hidden) : name(right, () => hidden.length);
  const unknown = result.find((axis, i) => !sides.has(axis) || result.indexOf(axis) !== i);
  if (unknown !== undefined)
    throw refuse(
      `the result cannot have '${unknown}'`,
      'each letter once, and some operand has it',
    );
  if (hidden.some((axis) => !result.includes(axis)))
    throw refuse('the result leaves ... out', '... in the result too');
  return { terms, result, sides };
}

function isHidden(name: string): boolean {
  return name.startsWith('.');
}

/** The axes under the ellipsis, then the letters that occur once in the order of the alphabet. */
function implicitResult(terms: readonly AxisNames[], hidden: AxisNames): string[] {
  const all = terms.flat();
  const once = all.filter((name) => all.indexOf(name) === all.lastIndexOf(name));
  const byNumber = [...hidden].sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  return [...byNumber, ...once.filter((name) => !isHidden(name)).sort()];
}

function sidesOf(
  equation: string,
  terms: readonly AxisNames[],
  shapes: readonly Shape[],
): Map<string, number> {
  const sides = new Map<string, number>();
  const owners = new Map<string, Shape>();
  terms.forEach((names, i) => {
    names.forEach((name, axis) => {
      const shape = shapes[i] ?? [];
      const side = shape[axis] ?? 1;
      const before = sides.get(name);
      if (before === undefined || (isHidden(name) && before === 1)) {
        sides.set(name, side);
        owners.set(name, shape);
      } else if (side !== before && !(isHidden(name) && side === 1)) {
        const what = isHidden(name) ? 'the axes of ...' : `the sides of '${name}'`;
        const [first, second] = [formatShape(owners.get(name) ?? []), formatShape(shape)];
        throw new LorikeetError(
          'shape-mismatch',
          `einsum: ${what} in '${equation}' do not meet in ${first} and ${second}`,
          { expected: `a side of ${before}`, received: `a side of ${side}` },
        );
      }
    });
  });
  return sides;
}
