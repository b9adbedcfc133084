import { matcher, nearestOf, paths } from '@lorikeet/nn';
import {
  formatShape,
  LorikeetError,
  mapTensors,
  randomKey,
  sameShape,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import type { SafetensorsFile } from '@lorikeet/tensor-core/safetensors';
import { findArchitecture } from './findFamily.ts';
import type { Model } from './model.ts';

export interface LoadOptions {
  /** Name of transformers' class, if not the one that the config names. */
  readonly architecture?: string;
  /** Selectors of tensors that the checkpoint may lack; they are made from `key`, as a new head is. */
  readonly allowMissing?: readonly string[];
  /** Selectors of tensors in the checkpoint that may be left unused. */
  readonly allowUnexpected?: readonly string[];
  /** For what the checkpoint lacks. Defaults to that of seed 0. */
  readonly key?: Tensor;
  /** What floating-point tensors become. Defaults to f32. */
  readonly dtype?: 'f32' | 'f64';
}

/**
 * A model with the weights of a checkpoint. Each tensor is read once, straight into its place.
 *
 * @param source the parsed `config.json`, and the checkpoint.
 * @throws LorikeetError `missing-tensor`, `unexpected-tensor`, `shape-mismatch`: each before any tensor is read.
 */
export async function loadModel(
  source: { readonly config: unknown; readonly tensors: SafetensorsFile },
  options: LoadOptions = {},
): Promise<Model> {
  const { key = randomKey(0), dtype = 'f32' } = options;
  const { architecture, config } = findArchitecture(source.config, options.architecture);
  const skeleton = architecture.init(config, key);
  const { entries } = source.tensors;
  requireFit(skeleton, source.tensors, { ...options, ignored: architecture.ignored });

  const loaded = new Map<string, Tensor>();
  for (const [name, { shape }] of paths(skeleton)) {
    if (entries.has(name))
      loaded.set(name, tensor(await source.tensors.readAs(name, dtype), shape, dtype));
  }
  return mapTensors(skeleton, (leaf, path) => loaded.get(path.join('.')) ?? leaf.cast(dtype));
}

type FitOptions = Pick<LoadOptions, 'allowMissing' | 'allowUnexpected'> & {
  readonly ignored: RegExp | undefined;
};

function requireFit(
  skeleton: Model,
  { entries, name: file }: SafetensorsFile,
  { allowMissing = [], allowUnexpected = [], ignored }: FitOptions,
): void {
  const wanted = new Map(paths(skeleton));
  const mayMiss = allowMissing.map(matcher);
  const mayBeLeft = allowUnexpected.map(matcher);

  const missing = [...wanted.keys()].filter(
    (name) => !entries.has(name) && !mayMiss.some((matches) => matches(name)),
  );
  if (missing.length > 0) {
    throw new LorikeetError(
      'missing-tensor',
      `the checkpoint lacks ${missing.length} of the model's tensors`,
      {
        path: `${file}: ${few(missing)}`,
        hint: `${nearestOf(missing[0] ?? '', [...entries.keys()])} Name what may be new in allowMissing.`,
      },
    );
  }
  const unexpected = [...entries.keys()].filter(
    (name) =>
      !wanted.has(name) &&
      ignored?.test(name) !== true &&
      !mayBeLeft.some((matches) => matches(name)),
  );
  if (unexpected.length > 0) {
    throw new LorikeetError(
      'unexpected-tensor',
      `the checkpoint has ${unexpected.length} tensors that the model does not know`,
      {
        path: `${file}: ${few(unexpected)}`,
        hint: `${nearestOf(unexpected[0] ?? '', [...wanted.keys()])} Name what may be left unused in allowUnexpected.`,
      },
    );
  }
  for (const [name, { shape }] of wanted) {
    const stored = entries.get(name)?.shape ?? shape;
    if (sameShape(stored, shape)) continue;
    throw new LorikeetError('shape-mismatch', 'a tensor of the checkpoint does not fit the model', {
      path: `${file}: ${name}`,
      expected: formatShape(shape),
      received: formatShape(stored),
      hint: 'the config and the checkpoint belong to different models',
    });
  }
}

function few(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')}, ...`;
}
