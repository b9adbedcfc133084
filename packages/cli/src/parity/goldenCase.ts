import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenInputs } from '@lorikeet/model-zoo';
import { LorikeetError, type Shape, sameShape, type Tensor, tensor } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { openSafetensors } from '@lorikeet/tensor-core/safetensors/node';
import type { AllocationMeta } from './allocationMeta.ts';
import { compare, type Tolerance } from './compare.ts';
import type { CaseKind, ParityRow } from './row.ts';
import type { WeightedMeta } from './weightedMeta.ts';

/** The part of a case's `meta.json` that is used. */
export interface Meta {
  readonly tolerance: Tolerance;
  readonly logits_field?: string;
  readonly optimizer?: Readonly<Record<string, unknown>>;
  readonly steps?: number;
  readonly max_grad_norm?: number;
  readonly grad_norm_before_clipping?: readonly number[];
  /** Of a budget of ranks. */
  readonly per_step?: readonly AllocationMeta[];
  /** Folders of the adapters of the case. */
  readonly adapters?: readonly string[];
  /** Of combinations: the module whose factors are stored, and what was combined. */
  readonly delta_of_module?: string;
  readonly cases?: readonly WeightedMeta[];
  /** Of a mixed batch: the adapter of each row. */
  readonly adapter_names?: readonly string[];
}

/** One folder of reference values: its inputs, and rows for what is computed from them. */
export class GoldenCase {
  readonly kind: CaseKind;
  readonly name: string;
  readonly dir: string;
  readonly meta: Meta;
  readonly io: SafetensorsFile;
  readonly #compared = new Set<string>();

  private constructor(kind: CaseKind, name: string, dir: string, meta: Meta, io: SafetensorsFile) {
    this.kind = kind;
    this.name = name;
    this.dir = dir;
    this.meta = meta;
    this.io = io;
  }

  static async open(kind: CaseKind, root: string, name: string): Promise<GoldenCase> {
    const dir = join(root, name);
    const meta: Meta = JSON.parse(await readFile(join(dir, 'meta.json'), 'utf8'));
    return new GoldenCase(
      kind,
      name,
      dir,
      meta,
      await openSafetensors(join(dir, 'io.safetensors')),
    );
  }

  async close(): Promise<void> {
    await this.io.close();
  }

  /** Names in `io.safetensors` that start with `prefix`, without it. */
  names(prefix: string): string[] {
    return [...this.io.entries.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  shapeOf(name: string): Shape | undefined {
    return this.io.entries.get(name)?.shape;
  }

  /** The tensors under `prefix` as model inputs. */
  async inputs(prefix = 'input.'): Promise<TokenInputs> {
    const pairs = this.names(prefix).map(async (name): Promise<[string, Tensor]> => {
      this.#compared.add(prefix + name);
      return [
        name,
        tensor(await this.io.readAs(prefix + name, 'i32'), this.shapeOf(prefix + name), 'i32'),
      ];
    });
    const { input_ids, ...others }: Record<string, Tensor> = Object.fromEntries(
      await Promise.all(pairs),
    );
    if (input_ids === undefined)
      throw new LorikeetError('missing-tensor', 'the case has no tokens to call a model with', {
        path: `${prefix}input_ids`,
      });
    return { ...others, input_ids };
  }

  /** A tensor that others are computed from. */
  async given(name: string): Promise<Tensor> {
    this.#compared.add(name);
    return tensor(await this.io.readAs(name, 'f32'), this.shapeOf(name));
  }

  /** Compares a result with the tensor of that name. Positions where `mask` is 0 do not count. */
  async check(name: string, got: Tensor, mask?: Tensor): Promise<ParityRow> {
    this.#compared.add(name);
    const shape = this.shapeOf(name) ?? [];
    if (!sameShape(shape, got.shape))
      return this.miss(name, `shape [${got.shape.join(',')}] instead of [${shape.join(',')}]`);
    const expected = await this.io.readAs(name, 'f32');
    const isTokenLevel =
      mask !== undefined && shape.length >= 2 && sameShape(shape.slice(0, 2), mask.shape);
    const counted = isTokenLevel ? await mask.data() : undefined;
    const perToken = counted === undefined ? 1 : expected.length / counted.length;
    const isCompared = (i: number): boolean =>
      counted === undefined || counted[Math.floor(i / perToken)] !== 0;
    return {
      ...this.#row(name),
      ...compare(await got.data(), expected, this.meta.tolerance, isCompared),
    };
  }

  /** Compares numbers with those that the case's meta.json has. */
  compare(name: string, got: readonly number[], expected: readonly number[]): ParityRow {
    if (got.length !== expected.length)
      return this.miss(name, `${got.length} numbers instead of ${expected.length}`);
    const [ours, theirs] = [Float64Array.from(got), Float64Array.from(expected)];
    return { ...this.#row(name), ...compare(ours, theirs, this.meta.tolerance) };
  }

  miss(tensorName: string, reason: string): ParityRow {
    this.#compared.add(tensorName);
    return { ...this.#row(tensorName), reason };
  }

  /** A row for every tensor of the case that nothing was compared with. */
  rest(): ParityRow[] {
    return [...this.io.entries.keys()]
      .filter((name) => !this.#compared.has(name))
      .map((name) => this.miss(name, 'not supported: no result of this name'));
  }

  #row(tensorName: string): ParityRow {
    return {
      kind: this.kind,
      case: this.name,
      tensor: tensorName,
      error: null,
      tolerance: null,
      pass: false,
      reason: null,
    };
  }
}
