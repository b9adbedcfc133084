import { matcher, nearestOf } from '@lorikeet/nn';
import { formatShape, LorikeetError, type Shape, sameShape } from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import type { matchNames } from './checkpointNames.ts';

export interface Allowances {
  /** Selectors of tensors that the checkpoint may lack; they are made from `key`, as a new head is. */
  readonly allowMissing?: readonly string[];
  /** Selectors of tensors in the checkpoint that may be left unused. */
  readonly allowUnexpected?: readonly string[];
}

/** Throws `missing-tensor`, `unexpected-tensor` or `shape-mismatch`, each naming all that are at fault. */
export function requireFit(
  wanted: ReadonlyMap<string, Shape>,
  { entries, name: file }: SafetensorsFile,
  { found, unexpected }: ReturnType<typeof matchNames>,
  { allowMissing = [], allowUnexpected = [] }: Allowances,
): void {
  const missing = except(
    [...wanted.keys()].filter((name) => !found.has(name)),
    allowMissing,
  );
  if (missing.length > 0) {
    throw new LorikeetError(
      'missing-tensor',
      `the checkpoint lacks ${missing.length} of the model's tensors`,
      {
        path: `${file}: ${few(missing)}`,
        expected: `${wanted.size} tensors`,
        received: `${found.size} of them`,
        hint: `${nearestOf(missing[0] ?? '', [...entries.keys()])} Name what may be new in allowMissing.`,
      },
    );
  }
  const extra = except(unexpected, allowUnexpected);
  if (extra.length > 0) {
    throw new LorikeetError(
      'unexpected-tensor',
      `the checkpoint has ${extra.length} tensors that the model does not know`,
      {
        path: `${file}: ${few(extra)}`,
        expected: `no more than the ${wanted.size} tensors of the model`,
        received: `${entries.size} tensors`,
        hint: `${nearestOf(extra[0] ?? '', [...wanted.keys()])} Name what may be left unused in allowUnexpected.`,
      },
    );
  }
  const pairs = [...wanted].flatMap(([name, shape]) => {
    const stored = entries.get(found.get(name) ?? name)?.shape ?? shape;
    return sameShape(stored, shape) ? [] : [{ name, shape, stored }];
  });
  if (pairs.length > 0) {
    throw new LorikeetError(
      'shape-mismatch',
      `${pairs.length} of the checkpoint's tensors do not fit the model`,
      {
        path: `${file}: ${few(pairs.map(({ name }) => name))}`,
        expected: few(pairs.map(({ shape }) => formatShape(shape))),
        received: few(pairs.map(({ stored }) => formatShape(stored))),
        hint: 'the config and the checkpoint belong to different models',
      },
    );
  }
}

function except(names: readonly string[], selectors: readonly string[]): readonly string[] {
  const allowed = selectors.map(matcher);
  return names.filter((name) => !allowed.some((matches) => matches(name)));
}

function few(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length <= 5 ? shown : `${shown} and ${names.length - 5} more`;
}
