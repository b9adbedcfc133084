/** The source of a new variant: a scale for each output feature, to be replaced by the method's own formula. */
export function variantTemplate(name: string, isInside: boolean): string {
  const type = name.charAt(0).toUpperCase() + name.slice(1);
  const imports = isInside
    ? `import type { TargetOptions } from '../target.ts';
import { type Method, method, type Variant } from '../variant.ts';`
    : `import { type Method, method, type TargetOptions, type Variant } from '@lorikeet/peft-lora';`;
  return `import { LorikeetError, mul, ones, reshape, type Tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
${imports}

export interface ${type}Config {
  /** Value that the scales start from. */
  readonly start: number;
}

export const ${name}Variant: Variant<${type}Config> = {
  name: '${name}',
  paper: 'authors, year, address',
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
  // The meaning: the whole adapted weight, [out, in].
  materialize: ({ base, parameters, shape }) => mul(base(), reshape(scaleOf(parameters), [shape.out, 1])),
  // A faster way to the same product; leave it out if there is none.
  contract: (x, { product, parameters }) => mul(product(x), scaleOf(parameters)),
};

/** What the method does, in one sentence. */
export function ${name}(options: Partial<${type}Config> & TargetOptions = {}): Method<${type}Config> {
  return method(${name}Variant, options);
}

function scaleOf(parameters: Readonly<Record<string, Tensor>>): Tensor {
  if (parameters.scale === undefined) throw new LorikeetError('internal', '${name}: the adapter has no scale');
  return parameters.scale;
}
`;
}
