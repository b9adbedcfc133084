import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import { readJson } from '../readJson.ts';
import { basePathOf } from './basePath.ts';
import { checkAdapter } from './checkAdapter.ts';
import { checkConversion } from './checkConversion.ts';
import { checkMixedBatch } from './checkMixedBatch.ts';
import { checkModel } from './checkModel.ts';
import { checkSchedules } from './checkSchedules.ts';
import { checkTrajectory } from './checkTrajectory.ts';
import { checkWeighted } from './checkWeighted.ts';
import { GoldenCase } from './goldenCase.ts';
import { checkOps } from './ops/checkOps.ts';
import type { CaseKind, ParityRow } from './row.ts';

export interface CaseFilter {
  /** Model types. */
  readonly only?: readonly string[] | undefined;
  /** A part of the case's path. */
  readonly part?: string | undefined;
}

interface FoundCase {
  readonly kind: CaseKind;
  readonly path: string;
  /** `model_type` of the model or the base; `undefined` for what has none. */
  readonly modelType: string | undefined;
}

type Checker = (root: string, golden: GoldenCase) => AsyncGenerator<ParityRow>;

const checkers: Readonly<Partial<Record<CaseKind, Checker>>> = {
  model: checkModel,
  adapter: checkAdapter,
  trajectory: checkTrajectory,
  weighted: checkWeighted,
  'mixed-batch': checkMixedBatch,
  conversion: checkConversion,
};

/** Rows for every case in a folder of the layout of `shared/golden`. What cannot be computed gets a row that says so. */
export async function* checkFolder(
  root: string,
  { only, part }: CaseFilter,
): AsyncGenerator<ParityRow> {
  const cases = await findCases(root);
  const tables = tablesIn(root);
  if (cases.length + tables.length === 0) {
    throw new LorikeetError('invalid-file', `there are no reference values in '${root}'`, {
      expected: 'folders models, adapters, trajectories, ... as in shared/golden',
      hint: 'paths are relative to the folder where you called',
    });
  }
  for (const found of cases) {
    if (part !== undefined && !found.path.includes(part)) continue;
    if (only !== undefined && (found.modelType === undefined || !only.includes(found.modelType)))
      continue;
    yield* checkCase(root, found);
  }
  if (only !== undefined) return;
  for (const check of tables)
    for await (const row of check(root))
      if (part === undefined || row.case.includes(part)) yield row;
}

async function* checkCase(root: string, { kind, path }: FoundCase): AsyncGenerator<ParityRow> {
  const check = checkers[kind];
  const whole: ParityRow = {
    kind,
    case: path,
    tensor: '*',
    error: null,
    tolerance: null,
    pass: false,
    reason: null,
  };
  if (check === undefined) {
    yield { ...whole, reason: `not supported: cases of kind ${kind}` };
    return;
  }
  let golden: GoldenCase | undefined;
  try {
    golden = await GoldenCase.open(kind, root, path);
    yield* check(root, golden);
  } catch (error) {
    if (!isLorikeetError(error)) throw error;
    const detail = [error.summary, error.path, error.received]
      .filter((text) => text !== undefined)
      .join('; ');
    yield {
      ...whole,
      reason:
        error.code === 'unsupported' ? `not supported: ${detail}` : `${error.code}: ${detail}`,
    };
  } finally {
    await golden?.close();
  }
}

/** The folders that hold cases, how deep they lie, and their kind. */
const layout: readonly (readonly [folder: string, depth: 1 | 2, kind: CaseKind])[] = [
  ['models', 1, 'model'],
  ['adapters', 2, 'adapter'],
  ['trajectories', 1, 'trajectory'],
  ['weighted', 2, 'weighted'],
  ['mixed-batch', 1, 'mixed-batch'],
  ['conversion', 1, 'conversion'],
];

async function findCases(root: string): Promise<FoundCase[]> {
  const found: FoundCase[] = [];
  for (const [folder, depth, kind] of layout) {
    for (const path of await subfolders(root, folder, depth))
      found.push({ kind, path, modelType: await modelTypeOf(root, kind, path) });
  }
  return found;
}

/** Checks of the files that hold many small cases each. */
function tablesIn(root: string): ((root: string) => AsyncGenerator<ParityRow>)[] {
  const checks = [
    ['ops.json', checkOps],
    ['schedules.json', checkSchedules],
  ] as const;
  return checks.filter(([file]) => existsSync(join(root, file))).map(([, check]) => check);
}

async function subfolders(root: string, folder: string, depth: number): Promise<string[]> {
  if (!existsSync(join(root, folder))) return [];
  const names = (await readdir(join(root, folder), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`)
    .sort();
  if (depth === 1) return names;
  return (await Promise.all(names.map((name) => subfolders(root, name, depth - 1)))).flat();
}

async function modelTypeOf(
  root: string,
  kind: CaseKind,
  path: string,
): Promise<string | undefined> {
  const model = kind === 'model' ? path : await basePathOf(root, { kind, name: path });
  const config: unknown = await readJson(join(root, model, 'config.json'));
  return typeof config === 'object' && config !== null && 'model_type' in config
    ? String(config.model_type)
    : undefined;
}
