import { randomBits, type Tensor } from '@lorikeet/tensor-core';

/** The numbers from 0 to `count - 1` in an order that the key decides, the same on every backend. */
export async function permutation(key: Tensor, count: number): Promise<number[]> {
  const words = await randomBits(key, [count]).data();
  const order = Array.from({ length: count }, (_, i) => i);
  return order.sort((a, b) => (words[a] as number) - (words[b] as number) || a - b);
}
