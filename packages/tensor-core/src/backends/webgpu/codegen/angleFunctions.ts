/** Sines and angles in WGSL, which itself promises no more than 2^-11 for sin and cos. */
export const angleFunctions: Readonly<Record<string, string>> = {
  sineOfQuarter: `fn sineOfQuarter(r: f32) -> f32 {
  let q = r * r;
  return r + r * q * (-0.16666655 + q * (0.0083321609 - q * 0.00019515296));
}`,
  cosineOfQuarter: `fn cosineOfQuarter(r: f32) -> f32 {
  let q = r * r;
  return 1.0 - 0.5 * q + q * q * (0.041666646 + q * (-0.0013887316 + q * 0.000024433157));
}`,
  // The high word of a product.
  highOfProduct: `fn highOfProduct(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let left = (a & 0xffffu) * (b >> 16u);
  let right = (a >> 16u) * (b & 0xffffu);
  let middle = (low >> 16u) + (left & 0xffffu) + (right & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u) + (middle >> 16u);
}`,
  // A large number times those digits of 2/pi that tell where in a turn it is (Payne and Hanek 1983).
  withinLargeQuarter: `fn withinLargeQuarter(x: f32) -> vec2<f32> {
  var words = array<u32, 8>(0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let bits = bitcast<u32>(x);
  let digits = (bits & 0x7fffffu) | 0x800000u;
  let start = ((bits >> 23u) & 255u) - 120u;
  let first = start / 32u;
  let shift = start % 32u;
  var window = array<u32, 3>();
  for (var i = 0u; i < 3u; i++) {
    window[i] = (words[first + i] << shift) | select(0u, words[first + i + 1u] >> (32u - shift), shift > 0u);
  }
  let low = digits * window[1] + highOfProduct(digits, window[2]);
  let carry = select(0u, 1u, low < digits * window[1]);
  let high = digits * window[0] + highOfProduct(digits, window[1]) + carry;
  // Two digits of quarters; the rest is taken to the nearest quarter.
  let rest = bitcast<i32>((high << 2u) | (low >> 30u));
  let quarter = (high >> 30u) + select(0u, 1u, rest < 0);
  let part = f32(rest) * 2.3283064e-10 + f32(low << 2u) * 5.421011e-20;
  let r = part * 1.5707964;
  return select(vec2<f32>(r, f32(quarter & 3u)), vec2<f32>(-r, f32((4u - quarter) & 3u)), x < 0.0);
}`,
  // What is left behind whole quarters of a turn, and how many of the last turn these are. By three parts of pi/2
  // (Cody and Waite 1980) as long as their products with the quarters are exact.
  withinQuarter: `fn withinQuarter(x: f32) -> vec2<f32> {
  if (abs(x) > 30000.0) { return withinLargeQuarter(x); }
  let turns = round(x * 0.63661975);
  let r = ((x - turns * 1.5703125) - turns * 0.00048351288) - turns * 3.13855395e-7 - turns * 6.0771e-11;
  return vec2<f32>(r, f32(i32(turns) & 3));
}`,
  sine: `fn sine(x: f32) -> f32 {
  if (!isFiniteNumber(x)) { return bitcast<f32>(notANumberBits); }
  let rest = withinQuarter(x);
  let quarter = u32(rest.y);
  let size = select(sineOfQuarter(rest.x), cosineOfQuarter(rest.x), (quarter & 1u) == 1u);
  return select(size, -size, quarter >= 2u);
}`,
  cosine: `fn cosine(x: f32) -> f32 {
  if (!isFiniteNumber(x)) { return bitcast<f32>(notANumberBits); }
  let rest = withinQuarter(x);
  let quarter = u32(rest.y);
  let size = select(cosineOfQuarter(rest.x), sineOfQuarter(rest.x), (quarter & 1u) == 1u);
  return select(size, -size, quarter == 1u || quarter == 2u);
}`,
  // Of a zero and of infinity, too, whose signs count.
  angle: `fn angle(a: f32, b: f32) -> f32 {
  if (isNotANumber(a)) { return a; }
  if (isNotANumber(b)) { return b; }
  let big = max(abs(a), abs(b));
  let small = min(abs(a), abs(b));
  var t = 1.0;
  if (isFiniteNumber(small)) { t = select(small / big, 0.0, small == 0.0 || !isFiniteNumber(big)); }
  let folded = t > 0.41421357;
  if (folded) { t = (t - 1.0) / (t + 1.0); }
  let q = t * t;
  var result = t + t * q * (-0.33333148 + q * (0.19990435 + q * (-0.14202571 + q * (0.10640934 - q * 0.075042944))));
  result = select(result, result + 0.7853982, folded);
  result = select(result, 1.5707964 - result, abs(a) > abs(b));
  result = select(result, 3.1415927 - result, bitcast<i32>(b) < 0);
  return select(result, -result, bitcast<i32>(a) < 0);
}`,
};
