import { paths } from '@lorikeet/nn';
import { mapTensors, type Tensor } from '@lorikeet/tensor-core';
import { selectRows } from './selectRows.ts';

export interface Callable {
  call(...inputs: readonly unknown[]): unknown;
}

export function isCallable(node: unknown): node is Callable {
  return (
    typeof node === 'object' && node !== null && 'call' in node && typeof node.call === 'function'
  );
}

/**
 * A module that is another one for each row of a batch: for adapters that change more than one weight of it, as a head
 * that trains whole. Each is called with all rows.
 */
export class RowwiseModule {
  readonly base: Callable;
  readonly modules: readonly Callable[];
  /** i32[B]: 0 is the base, else the number of an adapter. */
  readonly rows: Tensor;
  readonly numbers: readonly number[];

  constructor(base: Callable, modules: readonly (readonly [number, Callable])[], rows: Tensor) {
    this.base = base;
    this.modules = modules.map(([, module]) => module);
    this.numbers = modules.map(([number]) => number);
    this.rows = rows;
  }

  call(...inputs: readonly unknown[]): unknown {
    return this.modules.reduce(
      (before, module, i) => {
        const own = new Map(paths(module.call(...inputs)));
        return mapTensors(before, (leaf, path) =>
          selectRows(this.rows, this.numbers[i] ?? 0, own.get(path.join('.')) ?? leaf, leaf),
        );
      },
      this.base.call(...inputs),
    );
  }
}
