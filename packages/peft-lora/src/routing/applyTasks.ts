import { formatShape, LorikeetError, type Tensor } from '@lorikeet/tensor-core';
import { ModuleAdapter, mapModuleAdapters, moduleAdapters } from '../modules/moduleAdapter.ts';

/**
 * A model for one batch, whose adapters are told which task each row is of, as those of `poly` must be.
 *
 * Call it within what is compiled: other tasks of the same number then run the same plan. Rows may be there several times, one
 * after the other, as beams are.
 *
 * @param ids [B] integers, from 0 to the number of tasks.
 * @returns a new model with the same adapters: it trains and is saved as the given one.
 * @throws LorikeetError `no-match` if no adapter asks for tasks; `shape-mismatch` for ids that are no list; when the model is
 *   called `index-out-of-range` for a task that is not there.
 * @example
 * const tuned = adapt(model, { '**.q_proj': poly({ tasks: 3 }) });
 * const outputs = applyTasks(tuned, task_ids).call({ input_ids }, context);
 */
export function applyTasks<T>(tuned: T, ids: Tensor): T {
  if (ids.rank !== 1) {
    throw new LorikeetError('shape-mismatch', 'the ids of tasks are no list', {
      expected: '[B]',
      received: formatShape(ids.shape),
    });
  }
  if (!moduleAdapters(tuned).some(({ adapter }) => takesTasks(adapter)))
    throw new LorikeetError('no-match', 'no adapter of the model asks for tasks', {
      hint: 'call the model as it is',
    });
  return mapModuleAdapters(tuned, (own) =>
    own.map((adapter) => {
      const { name, settings } = adapter;
      return takesTasks(adapter) ? new ModuleAdapter(adapter, name, settings, ids) : adapter;
    }),
  );
}

function takesTasks({ settings: { variant } }: ModuleAdapter): boolean {
  return variant.traits.takesTasks === true;
}
