const multiplier = 0x2360ed051fc65da44385df649fccf645n;
const low64 = (1n << 64n) - 1n;
const low128 = (1n << 128n) - 1n;

/**
 * NumPy's default generator of random numbers, PCG XSL RR 128/64 (O'Neill 2014): PEFT's files say by a seed alone which
 * numbers a method drew with it. Not for new randomness: that comes from keys.
 */
export class Pcg64 {
  #state = 0n;
  readonly #increment: bigint;
  /** The upper half of the last 64 bits, while it is left. */
  #half: number | undefined;

  /** @param seed as of `numpy.random.default_rng`. */
  constructor(seed: number) {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = seedWords(seed);
    this.#increment = ((((c << 64n) | d) << 1n) | 1n) & low128;
    this.#step();
    this.#state = (this.#state + ((a << 64n) | b)) & low128;
    this.#step();
  }

  /** The next 32 bits as a whole number: of 64 the lower ones first. */
  bits(): number {
    const half = this.#half;
    this.#half = undefined;
    if (half !== undefined) return half;
    this.#step();
    const mixed = (this.#state >> 64n) ^ (this.#state & low64);
    const turn = this.#state >> 122n;
    const word = ((mixed >> turn) | (mixed << (64n - turn))) & low64;
    this.#half = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }

  /** A whole number from 0 to `most`, below 2^32 - 1 (Lemire 2019). */
  upTo(most: number): number {
    if (most === 0) return 0;
    const count = BigInt(most + 1);
    let product = BigInt(this.bits()) * count;
    const rejected = (0xffffffffn - BigInt(most)) % count;
    while ((product & 0xffffffffn) < rejected) product = BigInt(this.bits()) * count;
    return Number(product >> 32n);
  }

  /** Shuffles numbers as `Generator.shuffle`, which draws bits until they are small enough. */
  shuffle(numbers: Int32Array): void {
    exchange(numbers, 1, (most) => {
      const mask = 2 ** (32 - Math.clz32(most)) - 1;
      let drawn = (this.bits() & mask) >>> 0;
      while (drawn > most) drawn = (this.bits() & mask) >>> 0;
      return drawn;
    });
  }

  /** What `Generator.choice(size, count, replace=False)` gives: different numbers below `size`. */
  choose(size: number, count: number): Int32Array {
    if (size > 10_000 && count > Math.floor(size / 50)) {
      const all = Int32Array.from({ length: size }, (_, i) => i);
      exchange(all, Math.max(size - count, 1), (most) => this.upTo(most));
      return all.slice(size - count);
    }
    const chosen = new Set<number>();
    for (let i = size - count; i < size; i++) {
      const drawn = this.upTo(i);
      chosen.add(chosen.has(drawn) ? i : drawn); // Floyd's algorithm
    }
    const numbers = Int32Array.from(chosen);
    exchange(numbers, 1, (most) => this.upTo(most));
    return numbers;
  }

  #step(): void {
    this.#state = (this.#state * multiplier + this.#increment) & low128;
  }
}

/** Exchanges each number from the last to that at `first` with the one at a place that is drawn, which may be its own. */
function exchange(numbers: Int32Array, first: number, draw: (most: number) => number): void {
  for (let i = numbers.length - 1; i >= first; i--) {
    const j = draw(i);
    [numbers[i], numbers[j]] = [numbers[j] ?? 0, numbers[i] ?? 0];
  }
}

/** Four words of 64 bits by which NumPy's `SeedSequence` spreads a seed. */
function seedWords(seed: number): bigint[] {
  const pool = mixedPool([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);
  const hash = hasher(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4] ?? 0)));
  return [0, 2, 4, 6].map((i) => (words[i] ?? 0n) | ((words[i + 1] ?? 0n) << 32n));
}

function mixedPool(entropy: readonly number[]): Uint32Array {
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Uint32Array.from({ length: 4 }, (_, i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const other = hash(pool[from] ?? 0);
      const mixed = Math.imul(0xca01f9dd, pool[to] ?? 0) - Math.imul(0x4973f715, other);
      pool[to] = mixed ^ (mixed >>> 16);
    }
  }
  return pool;
}

/** A hash of 32 bits whose constant changes with each call. */
function hasher(start: number, factor: number): (value: number) => number {
  let constant = start;
  return (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, factor);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}
