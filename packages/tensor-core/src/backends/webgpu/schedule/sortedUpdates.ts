import { putAlongAxisOp } from '../../../ops/index/putAlongAxis.ts';
import { scatterAddOp } from '../../../ops/index/scatterAdd.ts';
import { reshapeOp } from '../../../ops/movement/reshape.ts';
import { argsortOp } from '../../../ops/sort/argsort.ts';
import type { Program } from '../../../program.ts';
import { sizeOf } from '../../../shape.ts';
import type { TensorType } from '../../../type.ts';
import { updatesPerElement } from '../codegen/updateRules.ts';
import { rewritten } from './rewritten.ts';
import { checkedIndicesOp, indexRunsOp, sortedUpdatesOp } from './updateSteps.ts';

/** So many updates are looked through by each element of the result as fast as they could be found in order. */
const fewUpdates = 16;

/**
 * Updates of many indices are found by the order of the indices: it is stable, so that those for one element lie side
 * by side in the order in which they come, and no two threads write to one place. U updates of a table of R rows and C
 * columns take about U log^2 U + R log U + (R + U) C steps; to look through all of them would take U R C.
 */
export function withSortedUpdates(program: Program): Program {
  return rewritten(program, (instruction, add, types) => {
    const { op, inputs, attributes, type } = instruction;
    const [x = -1, given = -1, updates = -1] = inputs;
    const shape = types[given]?.shape ?? [];
    const count = updatesPerElement(op, attributes, shape);
    if (count < fewUpdates || sizeOf(type.shape) === 0 || sizeOf(shape) === 0) return undefined;
    const isAlong = op === putAlongAxisOp;
    const isSum = op === scatterAddOp || attributes.mode === 'add';
    const axis = Number(attributes.axis);
    const side = type.shape[axis] as number;
    const flat = isAlong ? shape : [count];
    const along = isAlong ? axis : 0;
    const line: TensorType = { shape: flat, dtype: 'i32' };
    const indices = add({
      ...instruction,
      op: checkedIndicesOp,
      inputs: [
        isAlong
          ? given
          : add({
              ...instruction,
              op: reshapeOp,
              inputs: [given],
              attributes: { shape: flat },
              type: { ...line, dtype: types[given]?.dtype ?? 'i32' },
            }),
      ],
      attributes: { op: op.name, side },
      type: line,
    });
    const order = add({
      ...instruction,
      op: argsortOp,
      inputs: [indices],
      attributes: { axis: along, descending: false },
      type: line,
    });
    const runs = add({
      ...instruction,
      op: indexRunsOp,
      inputs: [indices, order],
      attributes: { axis: along, isEnd: !isSum },
      type: { shape: flat.with(along, side), dtype: 'i32' },
    });
    return add({
      ...instruction,
      op: sortedUpdatesOp,
      inputs: [x, updates, indices, order, runs],
      attributes: { axis, isSum, slices: isAlong ? null : shape },
    });
  });
}
