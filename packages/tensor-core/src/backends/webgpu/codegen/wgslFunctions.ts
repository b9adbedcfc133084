import { angleFunctions } from './angleFunctions.ts';
import { floatFunctions } from './floatFunctions.ts';

/** Functions in WGSL that rules of ops may call, by name. A kernel gets those that it uses, and what they use. */
const sources: Readonly<Record<string, string>> = {
  infinityBits: 'var<private> infinityBits: u32 = 0x7f800000u;',
  notANumberBits: 'var<private> notANumberBits: u32 = 0x7fc00000u;',
  // 0, which no compiler knows: the groups of a grid have but two axes.
  zeroBits: 'var<private> zeroBits: u32;',
  // Ends what a compiler may reorder or take together, so that a value is the same however kernels are cut.
  kept: `fn kept(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) | zeroBits);
}`,
  // WGSL lets a compiler take for granted that there is no NaN, so it is told by its bits.
  isNotANumber: `fn isNotANumber(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  isFiniteNumber: `fn isFiniteNumber(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}`,
  // In the order of the floats, with NaN behind all others and both zeros the same.
  orderOfFloat: `fn orderOfFloat(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0xffffffffu; }
  if (size == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
}`,
  larger: `fn larger(a: f32, b: f32) -> f32 {
  if (isNotANumber(a)) { return a; }
  if (isNotANumber(b)) { return b; }
  return max(a, b);
}`,
  smaller: `fn smaller(a: f32, b: f32) -> f32 {
  if (isNotANumber(a)) { return a; }
  if (isNotANumber(b)) { return b; }
  return min(a, b);
}`,
  i32FromFloat: `fn i32FromFloat(x: f32) -> i32 {
  return bitcast<i32>(u32FromFloat(x));
}`,
  // Drops the fraction and wraps, as JavaScript does.
  u32FromFloat: `fn u32FromFloat(x: f32) -> u32 {
  if (!isFiniteNumber(x)) { return 0u; }
  let whole = trunc(abs(x));
  let low = u32(whole - floor(whole * 2.3283064365386963e-10) * 4294967296.0);
  return select(low, 0u - low, x < 0.0);
}`,
  bfloat: `fn bfloat(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (isNotANumber(x)) { return (bits >> 16u) | 64u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`,
  // To nearest, ties to even. WGSL's own leaves open what becomes of numbers that are too large, and how it rounds.
  halfFloat: `fn halfFloat(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size >= 0x38800000u) { return sign | ((size - 0x37fff001u + ((size >> 13u) & 1u)) >> 13u); }
  if (size < 0x33000000u) { return sign; }
  let shift = 126u - (size >> 23u);
  let digits = (size & 0x7fffffu) | 0x800000u;
  let whole = digits >> shift;
  let rest = digits - (whole << shift);
  let middle = 1u << (shift - 1u);
  return sign | (whole + select(0u, 1u, rest > middle || (rest == middle && (whole & 1u) == 1u)));
}`,
  quantizeHalf: `fn quantizeHalf(x: f32) -> f32 {
  return unpack2x16float(halfFloat(x)).x;
}`,
  quotient_i32: `fn quotient_i32(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  return a / b;
}`,
  quotient_u32: `fn quotient_u32(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a / b;
}`,
  modulo_i32: `fn modulo_i32(a: i32, b: i32) -> i32 {
  if (b == 0) { return 0; }
  let rest = a % b;
  return select(rest, rest + b, rest != 0 && (rest < 0) != (b < 0));
}`,
  modulo_u32: `fn modulo_u32(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a % b;
}`,
  power_i32: `fn power_i32(a: i32, b: i32) -> i32 {
  if (b < 0) {
    if (a == 1) { return 1; }
    if (a == -1) { return select(-1, 1, (b & 1) == 0); }
    return 0;
  }
  var base = a;
  var left = b;
  var result = 1;
  while (left > 0) {
    if ((left & 1) == 1) { result *= base; }
    base *= base;
    left >>= 1u;
  }
  return result;
}`,
  power_u32: `fn power_u32(a: u32, b: u32) -> u32 {
  var base = a;
  var left = b;
  var result = 1u;
  while (left > 0u) {
    if ((left & 1u) == 1u) { result *= base; }
    base *= base;
    left >>= 1u;
  }
  return result;
}`,
  ...floatFunctions,
  ...angleFunctions,
  // Threefry-2x32 with 20 rounds, as src/threefry.ts has it; one of the two words.
  threefry: `fn threefry(k0: u32, k1: u32, c0: u32, c1: u32, second: bool) -> u32 {
  var keys = array<u32, 3>(k0, k1, k0 ^ k1 ^ 0x1bd11bdau);
  var turns = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var x = c0 + k0;
  var y = c1 + k1;
  for (var round = 0u; round < 20u; round++) {
    let turn = turns[round & 7u];
    x += y;
    y = ((y << turn) | (y >> (32u - turn))) ^ x;
    if ((round & 3u) == 3u) {
      let step = (round + 1u) >> 2u;
      x += keys[step % 3u];
      y += keys[(step + 1u) % 3u] + step;
    }
  }
  return select(x, y, second);
}`,
};

const names = Object.keys(sources);

/** The declarations that a text in WGSL needs, what they use before them. */
export function functionsUsedBy(text: string): string {
  const used = new Set<string>();
  const visit = (code: string, but: string | undefined): void => {
    for (const name of names) {
      if (name === but || used.has(name) || !new RegExp(`\\b${name}\\b`).test(code)) continue;
      used.add(name);
      visit(sources[name] ?? '', name);
    }
  };
  visit(text, undefined);
  return names
    .filter((name) => used.has(name))
    .map((name) => sources[name])
    .join('\n');
}
