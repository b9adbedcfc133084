import { adapterLaws, describeLaws } from '@lorikeet/laws';
import { Context, Linear } from '@lorikeet/nn';
import { adapt, type Method, merge, method, type Variant } from '@lorikeet/peft-lora';
import {
  add,
  LorikeetError,
  mul,
  ones,
  randomKey,
  reshape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

// A variant of one's own: one file, outside the package, by what is public. From here ...

interface RowScaleConfig {
  /** Value that the scales start from. */
  readonly start: number;
}

const rowScaleVariant: Variant<RowScaleConfig> = {
  name: 'rowScale',
  paper: 'after (IA)3, Liu et al. 2022, https://arxiv.org/abs/2205.05638',
  schema: z.strictObject({ start: z.number().default(1) }),
  kinds: ['linear'],
  traits: {
    identityAtInit: ({ start }) => start === 1,
    maxRank: () => undefined,
    isRandomAtInit: () => false,
    isStochastic: () => false,
    parameterCount: (_, shape) => shape.out,
  },
  sample: (draw) => ({ start: draw.pick([1, 2]) }),
  init: ({ shape, config }) => ({ scale: mul(ones([shape.out]), config.start) }),
  materialize: ({ base, parameters, shape }) =>
    mul(base(), reshape(scaleOf(parameters), [shape.out, 1])),
  contract: (x, { product, parameters }) => mul(product(x), scaleOf(parameters)),
};

function rowScale(options: Partial<RowScaleConfig> = {}): Method<RowScaleConfig> {
  return method(rowScaleVariant, options);
}

function scaleOf({ scale }: Readonly<Record<string, Tensor>>): Tensor {
  if (scale === undefined)
    throw new LorikeetError('internal', 'rowScale: the adapter has no scale');
  return scale;
}

// ... to here.

describeLaws('a variant from outside', adapterLaws(rowScaleVariant), { describe, test });

test('a variant from outside is used like any other', async () => {
  const model = {
    layer: new Linear(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      null,
    ),
  };
  const merged = merge(adapt(model, { layer: rowScale({ start: 3 }) }, { key: randomKey(0) }));
  const output = merged.layer.call(tensor([[1, 0]]), Context.evaluation);
  expect([...(await add(output, 0).data())]).toEqual([3, 9]);
  expect(() => rowScale({ start: Number.NaN })).toThrow(/config of rowScale/);
});
