const size = 624;
const middle = 397;

/**
 * The generator of random numbers of PyTorch on a CPU, MT19937: PEFT's files say by a seed alone which entries of a
 * weight they mean, or which projection. Not for new randomness: that comes from keys.
 *
 * Matsumoto and Nishimura 1998.
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(size);
  #next = size;

  /** @param seed as of `torch.manual_seed`; its lowest 32 bits count. */
  constructor(seed: number) {
    this.#state[0] = seed % 2 ** 32;
    for (let i = 1; i < size; i++) {
      const before = this.#at(i - 1);
      this.#state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
  }

  /** The next 32 bits as a whole number. */
  bits(): number {
    if (this.#next === size) this.#refill();
    let y = this.#at(this.#next++);
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #at(index: number): number {
    return this.#state[index] ?? 0;
  }

  #refill(): void {
    for (let i = 0; i < size; i++) {
      const y = (this.#at(i) & 0x80000000) | (this.#at((i + 1) % size) & 0x7fffffff);
      this.#state[i] = this.#at((i + middle) % size) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
