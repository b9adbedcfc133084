import {
  type AnyOp,
  type DType,
  type Primitive,
  sizeOf,
  type TypedArray,
  type Values,
} from '@lorikeet/tensor-core';
import { requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { isFree, type OpCase, opCases, tensorsOf } from './opCase.ts';
import { callOp, gradientsOf, readAll } from './outcome.ts';

/** An op's `evaluate` may get memory that was used before, and operands that others still read. */
export function fillsItsShape(op: Primitive): Law {
  return law('fills exactly the shape of its rule', opCases(op), (opCase) => {
    const operands = valuesOf(opCase);
    const type = op.infer(operands, opCase.attributes);
    const run = (filler: number): number[] => {
      const data = new Float64Array(sizeOf(type.shape)).fill(filler);
      op.evaluate(operands, opCase.attributes, { ...type, data: guarded(data) });
      return Array.from(data);
    };
    const first = run(0.25);
    requireSame('a second time, over other memory, the result', run(-7.75), first);
    requireSame(
      'all operands',
      operands.flatMap(({ data }) => Array.from(data)),
      opCase.operands.flatMap(({ values }) => values),
    );
    if (op.elementwise) requireBroadcast(operands, type.shape);
  });
}

/** No float type is left out, and none is widened or narrowed by the way. */
export function keepsDType(op: AnyOp): Law {
  return law('treats every float type alike', opCases(op), (opCase) => {
    const resultOf = (float: DType): DType => callOp(opCase, tensorsOf(opCase, float)).dtype;
    const wide = resultOf('f64');
    for (const float of ['f32', 'f16', 'bf16'] as const) {
      for (const gradient of gradientsOf(opCase, tensorsOf(opCase, float)))
        if (gradient.dtype !== float)
          throw new Error(`a gradient is ${gradient.dtype} for operands of ${float}`);
      const dtype = resultOf(float);
      const follows = dtype === float && wide === 'f64';
      if (dtype !== wide && !follows)
        throw new Error(`the result is ${wide} for f64 operands and ${dtype} for ${float}`);
    }
  });
}

export function givesNoNaN(op: AnyOp): Law {
  return law('gives no NaN', opCases(op), async (opCase) => {
    const results = await readAll([callOp(opCase, tensorsOf(opCase, 'f64'))]);
    for (const data of results) {
      const place = data.findIndex(Number.isNaN);
      if (place >= 0) throw new Error(`element ${place} is NaN`);
    }
  });
}

function valuesOf({ operands }: OpCase): Values[] {
  return operands.map((operand) => ({
    dtype: isFree(operand) ? 'f64' : (operand.dtype ?? 'f64'),
    shape: operand.shape,
    data: Float64Array.from(operand.values),
  }));
}

/** `data`, which refuses writes outside of it instead of dropping them. */
function guarded(data: Float64Array): TypedArray {
  return new Proxy(data, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, name, value) {
      if (!(Number(name) < target.length))
        throw new Error(`element ${String(name)} is written of a result of ${target.length}`);
      return Reflect.set(target, name, value, target);
    },
  });
}

function requireBroadcast(operands: readonly Values[], shape: readonly number[]): void {
  const rank = Math.max(0, ...operands.map((operand) => operand.shape.length));
  const expected = Array.from({ length: rank }, (_, axis) => {
    const sides = operands.map((operand) => operand.shape[axis - rank + operand.shape.length] ?? 1);
    return sides.find((side) => side !== 1) ?? 1;
  });
  requireSame('the shape of an elementwise op', shape, expected);
}
