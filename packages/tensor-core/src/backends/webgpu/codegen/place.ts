/**
 * A whole number of at least 0 that is known when a kernel runs, such as where an element is: a sum of multiples of
 * variables, quotients and remainders. Sums are kept in a normal form, so that two places are equal if their keys are.
 */
export interface Place {
  /** By the keys of the atoms, in order. */
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly min: number;
  readonly max: number;
  readonly key: string;
}

interface Term {
  readonly atom: Atom;
  readonly factor: number;
}

interface Atom {
  readonly key: string;
  /** The smallest value is 0. */
  readonly max: number;
  /** Of a quotient or a remainder. Without it the atom is a variable, and the key its name. */
  readonly division?: { readonly of: Place; readonly by: number; readonly kind: '/' | '%' };
}

export function constantPlace(value: number): Place {
  return { terms: [], constant: value, min: value, max: value, key: String(value) };
}

/** A variable of a kernel (u32), from 0 to `max`. */
export function variablePlace(name: string, max: number): Place {
  return max <= 0 ? constantPlace(0) : ofTerms([{ atom: { key: name, max }, factor: 1 }], 0);
}

export function samePlace(a: Place, b: Place): boolean {
  return a.key === b.key;
}

export function addPlaces(...places: readonly Place[]): Place {
  const factors = new Map<string, Term>();
  let constant = 0;
  for (const place of places) {
    constant += place.constant;
    for (const { atom, factor } of place.terms)
      factors.set(atom.key, { atom, factor: factor + (factors.get(atom.key)?.factor ?? 0) });
  }
  return rejoined(ofTerms([...factors.values()], constant));
}

export function scalePlace(place: Place, by: number): Place {
  if (by === 1) return place;
  const terms = place.terms.map(({ atom, factor }) => ({ atom, factor: factor * by }));
  return ofTerms(terms, place.constant * by);
}

/** `place + by`. */
export function shiftPlace(place: Place, by: number): Place {
  return by === 0 ? place : ofTerms(place.terms, place.constant + by);
}

/** The quotient, rounded down. */
export function dividePlace(place: Place, by: number): Place {
  if (by === 1) return place;
  const { whole, rest } = split(place, by);
  if (rest.min >= 0 && rest.max < by) return whole;
  return rest.min >= 0 ? addPlaces(whole, quotient(rest, by)) : quotient(place, by);
}

/** The remainder of the quotient rounded down. */
export function remainderOfPlace(place: Place, by: number): Place {
  if (by === 1) return constantPlace(0);
  const { rest } = split(place, by);
  if (rest.min >= 0 && rest.max < by) return rest;
  const part = rest.min >= 0 ? rest : place;
  const common = commonFactor(part, by);
  if (common > 1) return scalePlace(divided(shrink(part, common), by / common, '%'), common);
  return divided(part, by, '%');
}

/** The multiple of `by` in a place, divided by it, and what is left. */
function split(place: Place, by: number): { whole: Place; rest: Place } {
  const isMultiple = ({ factor }: Term): boolean => factor % by === 0;
  const left = ((place.constant % by) + by) % by;
  const whole = place.terms.filter(isMultiple);
  const rest = ofTerms(
    place.terms.filter((term) => !isMultiple(term)),
    left,
  );
  const divided = whole.map(({ atom, factor }) => ({ atom, factor: factor / by }));
  return { whole: ofTerms(divided, (place.constant - left) / by), rest };
}

function quotient(place: Place, by: number): Place {
  const common = commonFactor(withoutConstant(place), by);
  if (common > 1) {
    const constant = Math.floor(place.constant / common);
    const reduced = shiftPlace(shrink(withoutConstant(place), common), constant);
    return dividePlace(reduced, by / common);
  }
  const [only] = place.terms;
  const inner = only?.atom.division;
  if (place.terms.length === 1 && place.constant === 0 && only?.factor === 1 && inner?.kind === '/')
    return dividePlace(inner.of, inner.by * by);
  return divided(place, by, '/');
}

function divided(of: Place, by: number, kind: '/' | '%'): Place {
  if (of.terms.length === 0)
    return constantPlace(kind === '/' ? Math.floor(of.constant / by) : of.constant % by);
  const max = kind === '/' ? Math.floor(of.max / by) : by - 1;
  const atom: Atom = { key: `(${of.key}${kind}${by})`, max, division: { of, by, kind } };
  return ofTerms([{ atom, factor: 1 }], 0);
}

/** `x / c * c + x % c` is `x`, in any multiple. */
function rejoined(place: Place): Place {
  for (const { atom, factor } of place.terms) {
    const { division } = atom;
    if (division?.kind !== '%') continue;
    const high = scalePlace(dividePlace(division.of, division.by), factor * division.by);
    if (high.terms.length === 0 || !contains(place, high)) continue;
    const low: Place = ofTerms([{ atom, factor }], 0);
    const others = addPlaces(place, scalePlace(high, -1), scalePlace(low, -1));
    return addPlaces(others, scalePlace(division.of, factor));
  }
  return place;
}

function contains(place: Place, part: Place): boolean {
  return part.terms.every(({ atom, factor }) =>
    place.terms.some((term) => term.atom.key === atom.key && term.factor === factor),
  );
}

function withoutConstant(place: Place): Place {
  return ofTerms(place.terms, 0);
}

function commonFactor(place: Place, by: number): number {
  return [place.constant, ...place.terms.map(({ factor }) => factor)].reduce(
    (common, number) => greatestDivisor(common, Math.abs(number)),
    by,
  );
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function shrink(place: Place, by: number): Place {
  const terms = place.terms.map(({ atom, factor }) => ({ atom, factor: factor / by }));
  return ofTerms(terms, place.constant / by);
}

function ofTerms(unordered: readonly Term[], constant: number): Place {
  const terms = unordered.filter(({ factor, atom }) => factor !== 0 && atom.max !== 0);
  if (terms.length > 1) terms.sort((a, b) => (a.atom.key < b.atom.key ? -1 : 1));
  let [min, max] = [constant, constant];
  for (const { atom, factor } of terms) {
    if (factor > 0) max += factor * atom.max;
    else min += factor * atom.max;
  }
  const parts = terms.map(({ atom, factor }) =>
    factor === 1 ? atom.key : `${atom.key}*${factor}`,
  );
  const key = [...parts, ...(constant !== 0 || terms.length === 0 ? [constant] : [])].join('+');
  return { terms, constant, min, max, key };
}

/** As WGSL, of type u32. A sum that is not negative as a whole may be so on the way: unsigned numbers wrap. */
export function placeText(place: Place): string {
  const positive = place.terms.filter(({ factor }) => factor > 0);
  const negative = place.terms.filter(({ factor }) => factor < 0);
  const head = positive.map(({ atom, factor }) => product(atom, factor));
  if (place.constant > 0 || (head.length === 0 && place.constant === 0))
    head.push(`${place.constant}u`);
  const tail = negative.map(({ atom, factor }) => ` - ${product(atom, -factor)}`);
  if (place.constant < 0) tail.push(` - ${-place.constant}u`);
  const sum = `${head.length === 0 ? '0u' : head.join(' + ')}${tail.join('')}`;
  return head.length + tail.length > 1 ? `(${sum})` : sum;
}

function product(atom: Atom, factor: number): string {
  const { division } = atom;
  const text =
    division === undefined
      ? atom.key
      : `(${placeText(division.of)} ${division.kind} ${division.by}u)`;
  return factor === 1 ? text : `${text} * ${factor}u`;
}

function mentions({ division }: Atom, variable: string): boolean {
  return (
    division?.of.terms.some(({ atom }) => atom.key === variable || mentions(atom, variable)) ??
    false
  );
}

/** Whether the place depends on a variable at all. */
export function dependsOn({ terms }: Place, variable: string): boolean {
  return terms.some(({ atom }) => atom.key === variable || mentions(atom, variable));
}

/** Whether the place is a multiple of `by` whatever the variables are. */
export function isMultipleOf(place: Place, by: number): boolean {
  return place.constant % by === 0 && place.terms.every(({ factor }) => factor % by === 0);
}
