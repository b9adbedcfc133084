import { at, isAdaptable, materialize, Quantized, replaceAt } from '@lorikeet/nn';
import {
  div,
  evaluate,
  LorikeetError,
  leadingSvd,
  mul,
  permute,
  type QuantizeOptions,
  reshape,
  sqrt,
  sub,
  type Tensor,
} from '@lorikeet/tensor-core';
import { adapt } from '../adapt.ts';
import { scalingOf } from '../lora/loraConfig.ts';
import { isWeight } from '../place.ts';
import { exchangeOrder } from '../siteShape.ts';
import { type LoraOptions, lora } from '../variants/lora.ts';
import { type FirstValues, withFirstValues } from './withFirstValues.ts';

export interface LoftqOptions extends LoraOptions {
  readonly quantize: QuantizeOptions;
  /** How often the rest is quantised and decomposed. Defaults to 1. */
  readonly iterations?: number;
  readonly name?: string;
  /** `peft`: the scaling of LoRA is left out, as if it were 1, so that the sum is near the weight only where it is. */
  readonly compat?: 'peft';
}

/**
 * Quantises linear layers, and starts LoRA with what the quantised weights lack: LoftQ, Li et al. 2023,
 * https://arxiv.org/abs/2310.08659. In turn the weight without the product is quantised, and the product is made of the
 * largest singular values of what that leaves.
 *
 * PEFT forgets the scaling: with `alpha` other than `rank` its sum misses the weight.
 *
 * @param paths of the modules.
 * @returns the model with quantised weights and the adapter on them; it is saved as plain LoRA, which goes with this
 *   quantised base.
 * @throws LorikeetError `unsupported` for what is no linear layer with a plain weight, and with DoRA.
 */
export async function loftq<T>(
  model: T,
  paths: readonly string[],
  { quantize, iterations = 1, name = 'default', compat, ...options }: LoftqOptions,
): Promise<T> {
  if (options.useDora === true)
    throw new LorikeetError('unsupported', 'LoftQ with DoRA', { hint: 'use it without useDora' });
  const method = lora({ ...options, initLoraWeights: true });
  const values = new Map<string, FirstValues>();
  let quantized = model;
  for (const path of paths) {
    const { weight, inputAxis, field, toOutIn } = linearAt(model, path);
    const config = method.variant.configAt?.(method.config, path) ?? method.config;
    const scale = compat === 'peft' ? 1 : scalingOf(config);
    let rest: Tensor = weight;
    for (let i = 0; i < iterations; i++) {
      const whole = Quantized.of(rest, { inputAxis }, quantize);
      const rounding = toOutIn(sub(weight, whole.materialize()));
      const { u, s, v } = leadingSvd(rounding, config.rank);
      const roots = sqrt(div(s, scale));
      const B = mul(u, roots); // [out, R]
      const A = mul(permute(v, [1, 0]), reshape(roots, [-1, 1]));
      rest = sub(weight, toOutIn(mul(B.matmul(A), scale)));
      await evaluate([whole, A, B, rest]);
      values.set(path, { A, B });
      if (i === iterations - 1) quantized = replaceAt(quantized, `${path}.${field}`, whole);
    }
  }
  const spec = Object.fromEntries(paths.map((path) => [path, method]));
  return withFirstValues(adapt(quantized, spec, { name }), name, values);
}

/** A linear layer with a plain weight, and how its weight is turned to [out, in] and back. */
function linearAt(
  model: unknown,
  path: string,
): {
  readonly weight: Tensor;
  readonly field: string;
  readonly inputAxis: 0 | 1;
  toOutIn(weight: Tensor): Tensor;
} {
  const module = at(model, path);
  if (isAdaptable(module) && module.site.kind === 'linear') {
    const { site } = module;
    const weight: unknown = Reflect.get(module, site.field);
    if (isWeight(weight)) {
      return {
        weight: materialize(weight),
        field: site.field,
        inputAxis: site.inputAxis,
        toOutIn: (given) => exchangeOrder(site, given),
      };
    }
  }
  throw new LorikeetError('unsupported', 'LoftQ is for linear layers', { path });
}
