import { add } from './ops/binary/add.ts';
import { div } from './ops/binary/div.ts';
import { mul } from './ops/binary/mul.ts';
import { pow } from './ops/binary/pow.ts';
import { sub } from './ops/binary/sub.ts';
import { matmul } from './ops/contraction/matmul.ts';
import { broadcastTo } from './ops/movement/broadcastTo.ts';
import { permute } from './ops/movement/permute.ts';
import { reshape } from './ops/movement/reshape.ts';
import { max } from './ops/reduce/max.ts';
import { mean } from './ops/reduce/mean.ts';
import { sum } from './ops/reduce/sum.ts';
import { cast } from './ops/unary/cast.ts';
import { neg } from './ops/unary/neg.ts';
import { item, read } from './read.ts';
import { Tensor, type TensorMethods } from './tensor.ts';

const functions = {
  add,
  sub,
  mul,
  div,
  pow,
  neg,
  matmul,
  sum,
  mean,
  max,
  reshape,
  permute,
  broadcastTo,
  cast,
  item,
  data: read,
};

type Functions = {
  readonly [Name in keyof TensorMethods]: (
    self: Tensor,
    ...rest: Parameters<TensorMethods[Name]>
  ) => ReturnType<TensorMethods[Name]>;
};

// Here and not in the class, since ops are made of tensors: the class cannot import them.
for (const [name, fn] of Object.entries(functions satisfies Functions)) {
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Tensor, ...rest: readonly unknown[]): unknown {
      return Reflect.apply(fn, undefined, [this, ...rest]);
    },
  });
}

export { Tensor };
