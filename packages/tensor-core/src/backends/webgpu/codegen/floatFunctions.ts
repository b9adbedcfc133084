/** Functions of floats in WGSL where its own leave open what becomes of zeros, infinities, NaN or digits. */
export const floatFunctions: Readonly<Record<string, string>> = {
  exponential: `fn exponential(x: f32) -> f32 {
  return select(exp(x), x, isNotANumber(x));
}`,
  logarithm: `fn logarithm(x: f32) -> f32 {
  if (x == 0.0) { return -bitcast<f32>(infinityBits); }
  if (x < 0.0) { return bitcast<f32>(notANumberBits); }
  return select(x, log(x), isFiniteNumber(x));
}`,
  // exp(x) - 1 by its series near 0, where the difference would lose digits.
  expMinusOne: `fn expMinusOne(x: f32) -> f32 {
  if (abs(x) > 0.5) { return exponential(x) - 1.0; }
  return x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.008333334
    + x * (0.0013888889 + x * (0.00019841270 + x * 0.000024801588)))))));
}`,
  logOfOnePlus: `fn logOfOnePlus(x: f32) -> f32 {
  if (abs(x) > 0.25) { return logarithm(1.0 + x); }
  let s = x / (2.0 + x);
  let q = s * s;
  return 2.0 * s * (1.0 + q * (0.33333334 + q * (0.2 + q * (0.14285715 + q * (0.11111111 + q * 0.09090909)))));
}`,
  hyperbolicTangent: `fn hyperbolicTangent(x: f32) -> f32 {
  if (isNotANumber(x)) { return x; }
  let grown = expMinusOne(2.0 * min(abs(x), 20.0));
  let size = grown / (grown + 2.0);
  return select(size, -size, x < 0.0);
}`,
  // Near 0 the power series; else the complement by the Chebyshev fit of Press et al., "Numerical Recipes", 1.2e-7.
  errorFunction: `fn errorFunction(x: f32) -> f32 {
  if (isNotANumber(x)) { return x; }
  let size = min(abs(x), 10.0);
  if (size < 0.6) {
    let q = x * x;
    return x * 1.1283792 * (1.0 + q * (-0.33333334 + q * (0.1 + q * (-0.023809524 + q * (0.0046296297
      + q * (-0.00075757576 + q * (0.00010683761 - q * 0.000013227513)))))));
  }
  let t = 1.0 / (1.0 + 0.5 * size);
  let series = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
    + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let inside = 1.0 - t * exp(-size * size + series);
  return select(inside, -inside, x < 0.0);
}`,
  signOfFloat: `fn signOfFloat(x: f32) -> f32 {
  return select(sign(x), x, isNotANumber(x) || x == 0.0);
}`,
  power_f32: `fn power_f32(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (isNotANumber(a)) { return a; }
  if (isNotANumber(b)) { return b; }
  if (!isFiniteNumber(b) && abs(a) == 1.0) { return bitcast<f32>(notANumberBits); }
  if (a == 1.0) { return 1.0; }
  if (b == 1.0) { return a; }
  if (b == 2.0) { return a * a; }
  if (b == 0.5 && a >= 0.0) { return sqrt(a); }
  if (a == 0.0) { return select(bitcast<f32>(infinityBits), 0.0, b > 0.0); }
  let isWhole = b == floor(b);
  if (a < 0.0 && !isWhole && isFiniteNumber(a) && isFiniteNumber(b)) { return bitcast<f32>(notANumberBits); }
  var size = pow(abs(a), b);
  if (!isFiniteNumber(a)) { size = select(0.0, bitcast<f32>(infinityBits), b > 0.0); }
  let half = b * 0.5;
  let isOdd = isWhole && isFiniteNumber(b) && half != floor(half);
  return select(size, -size, a < 0.0 && isOdd);
}`,
  // Exact: digit by digit in whole numbers, as many steps as the exponents are apart.
  restOfDivision: `fn restOfDivision(a: f32, b: f32) -> f32 {
  if (!isFiniteNumber(a) || isNotANumber(b) || b == 0.0) { return bitcast<f32>(notANumberBits); }
  if (abs(a) < abs(b) || !isFiniteNumber(b)) { return a; }
  let left = bitcast<u32>(abs(a));
  let right = bitcast<u32>(abs(b));
  let least = right >> 23u;
  let divisor = (right & 0x7fffffu) | select(0x800000u, 0u, least == 0u);
  let steps = max(left >> 23u, 1u) - max(least, 1u);
  var rest = ((left & 0x7fffffu) | select(0x800000u, 0u, (left >> 23u) == 0u)) % divisor;
  for (var i = 0u; i < steps; i++) { rest = (rest << 1u) % divisor; }
  if (rest == 0u) { return a * 0.0; }
  let shift = min(countLeadingZeros(rest) - 8u, max(least, 1u) - 1u);
  let exponent = max(least, 1u) - shift;
  let digits = rest << shift;
  let size = select(digits, (digits & 0x7fffffu) | (exponent << 23u), digits >= 0x800000u);
  return bitcast<f32>(size | (bitcast<u32>(a) & 0x80000000u));
}`,
  modulo_f32: `fn modulo_f32(a: f32, b: f32) -> f32 {
  let rest = restOfDivision(a, b);
  return select(rest, rest + b, rest != 0.0 && (rest < 0.0) != (b < 0.0));
}`,
};
