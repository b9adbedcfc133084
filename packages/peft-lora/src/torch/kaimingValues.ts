import type { MersenneTwister } from './mersenneTwister.ts';
import { uniformBetween } from './randomValues.ts';

/**
 * What `torch.nn.init.kaiming_uniform_` gives on a CPU in f32.
 *
 * @param fanIn product of all sides but the first.
 * @param slope `a` of PyTorch.
 */
export function kaimingValues(
  generator: MersenneTwister,
  count: number,
  fanIn: number,
  slope: number,
): Float32Array {
  const deviation = Math.sqrt(2 / (1 + slope * slope)) / Math.sqrt(fanIn);
  const bound = Math.sqrt(3) * deviation;
  return uniformBetween(generator, count, [-bound, bound]);
}
