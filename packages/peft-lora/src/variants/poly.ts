import { isAdaptable } from '@lorikeet/nn';
import {
  add,
  cast,
  div,
  dot,
  foldIn,
  formatShape,
  gather,
  LorikeetError,
  log,
  log1p,
  matmul,
  neg,
  permute,
  reshape,
  sigmoid,
  sub,
  sum,
  Tensor,
  uniform,
  zeros,
} from '@lorikeet/tensor-core';
import { z } from 'zod';
import {
  type ModuleCallArguments,
  type ModuleInitArguments,
  type ModuleMethod,
  type ModuleVariant,
  moduleMethod,
} from '../modules/moduleVariant.ts';
import { namedPlaces } from '../modules/namedPlaces.ts';
import { widthsOf } from '../modules/widths.ts';
import { peftField } from '../variant.ts';

export interface PolyConfig {
  /** Rank R. */
  readonly rank: number;
  /** N. */
  readonly tasks: number;
  /** S: low-rank updates that tasks have in common, each by shares of its own. */
  readonly skills: number;
  /** Q: parts into which inputs and outputs are cut, each with shares of its own ("multi-head routing"). */
  readonly splits: number;
  /** Starts as the base; else the update is random. */
  readonly initWeights: boolean;
}

export type PolyOptions = Partial<PolyConfig>;

interface PolyParameters {
  /** [Q, S, in / Q, R] */
  readonly A: Tensor;
  /** [Q, S, R, out / Q] */
  readonly B: Tensor;
  /** [N, Q * S]: for each task how much a skill counts, before a sigmoid. */
  readonly logits: Tensor;
}

type Arguments = ModuleCallArguments<PolyConfig, PolyParameters>;

const count = z.int().positive();

export const polyVariant: ModuleVariant<PolyConfig, PolyParameters> = {
  name: 'poly',
  paper: 'Ponti et al. 2022, https://arxiv.org/abs/2202.13914',
  site: 'module',
  schema: z.strictObject({
    rank: peftField(count.default(8), 'r'),
    tasks: peftField(count.default(1), 'n_tasks'),
    skills: peftField(count.default(4), 'n_skills'),
    splits: peftField(count.default(1), 'n_splits'),
    initWeights: peftField(z.boolean().default(true), 'init_weights'),
  }),
  traits: {
    identityAtInit: ({ initWeights }) => initWeights,
    // One skill alone has the whole share, whatever is drawn.
    isStochastic: ({ skills }) => skills > 1,
    parameterCount({ rank: R, tasks, skills, splits }, module) {
      const { inputs, outputs } = sidesOf(module);
      return skills * (R * (inputs + outputs) + tasks * splits);
    },
    takesTasks: true,
  },
  sample: (draw) => ({
    rank: draw.integer(1, 3),
    tasks: draw.integer(2, 3),
    skills: draw.integer(2, 3),
    splits: draw.pick([1, 2, 4]),
    initWeights: draw.boolean(),
  }),
  peft: {
    ...namedPlaces,
    type: 'POLY',
    prefix: 'base_model.model.',
    isInModule: true,
    inactive: { poly_type: 'poly' },
    lacks: ['layers_pattern', 'layers_to_transform'],
    stored: first,
    encode: ({ A, B, logits }) => ({
      poly_lora_A: A,
      poly_lora_B: B,
      'poly_router.module_logits': logits,
    }),
    paths: { poly_lora_A: 'A', poly_lora_B: 'B', 'poly_router.module_logits': 'logits' },
  },
  accepts: (module) => isAdaptable(module) && widthsOf(module) !== undefined,
  refusal({ splits: Q }, module) {
    const { inputs, outputs } = sidesOf(module);
    return inputs % Q === 0 && outputs % Q === 0
      ? undefined
      : `${inputs} inputs and ${outputs} outputs cannot be cut into ${Q} equal parts`;
  },

  init: first,

  call(args) {
    const { config, parameters, inputs, base } = args;
    const output = tensorOf(base(...inputs)); // [B, ..., out]
    const x = cast(tensorOf(inputs[0]), parameters.A.dtype); // [B, ..., in]
    const tasks = tasksOf(args, x);
    const [n = 1] = tasks.shape;
    const shares = sharesOf(tasks, args); // [n, Q, S]
    const { rank: R } = config;
    const A = reshape(permute(mixed(shares, parameters.A), [1, 0, 2, 3]), [n, -1, R]); // [n, in, R]
    const B = reshape(permute(mixed(shares, parameters.B), [1, 2, 0, 3]), [n, R, -1]); // [n, R, out]
    const low = matmul(reshape(x, [n, -1, A.shape[1] ?? 0]), A); // [n, rows, R]
    const update = div(matmul(low, B), R); // [n, rows, out]
    return add(output, cast(reshape(update, output.shape), output.dtype));
  },
};

/**
 * Polytropon: linear layers with several low-rank updates, the skills, of which each task takes shares that are learned, by
 * parts of inputs and outputs if wanted. Training draws the shares around what is learned (relaxed Bernoulli of temperature 1),
 * anew for each row. `applyTasks` tells which task each row is of.
 */
export function poly(options: PolyOptions = {}): ModuleMethod<PolyConfig> {
  return moduleMethod(polyVariant, options);
}

function first({ module, config, key }: ModuleInitArguments<PolyConfig>): PolyParameters {
  const { rank: R, tasks, skills: S, splits: Q, initWeights } = config;
  const { inputs, outputs } = sidesOf(module);
  const [own, others] = [Math.floor(inputs / Q), Math.floor(outputs / Q)];
  const spread = (name: string, sides: readonly number[], bound: number): Tensor =>
    uniform(foldIn(key, name), sides, -bound, bound);
  return {
    // As layers of PyTorch start, each skill and part for itself.
    A: spread('A', [Q, S, own, R], 1 / Math.sqrt(own)),
    B: initWeights ? zeros([Q, S, R, others]) : spread('B', [Q, S, R, others], 1 / Math.sqrt(R)),
    logits: spread('logits', [tasks, Q * S], 1e-3),
  };
}

/** The tasks of the rows of an input, each of which may stand for several rows, one after the other. */
function tasksOf({ tasks }: Arguments, { shape }: Tensor): Tensor {
  if (tasks === null)
    throw new LorikeetError('invalid-argument', 'poly is not told which task each row is of', {
      hint: 'call applyTasks(model, task_ids) in place of the model',
    });
  const [[rows = 0], [n = 0]] = [shape, tasks.shape];
  if (shape.length > 1 && n > 0 && rows % n === 0) return tasks;
  throw new LorikeetError('shape-mismatch', 'there are other rows than there are tasks', {
    expected: `[${n}, ..., in], or each of the rows several times`,
    received: formatShape(shape),
  });
}

/** How much each skill counts: [n, Q, S]. */
function sharesOf(tasks: Tensor, { config, parameters, context }: Arguments): Tensor {
  const { splits: Q, skills: S } = config;
  const logits = reshape(gather(parameters.logits, tasks), [-1, Q, S]);
  const { key } = context;
  const gates = sigmoid(key === undefined ? logits : add(logits, noiseFor(logits, key)));
  return div(gates, add(sum(gates, -1, { keepAxes: true }), 1e-12));
}

/** Logistic noise, which makes of a logit that of a relaxed Bernoulli variable. */
function noiseFor({ shape, dtype }: Tensor, key: Tensor): Tensor {
  const edge = 2 ** -24;
  const drawn = uniform(foldIn(key, 'shares'), shape, edge, 1 - edge);
  return cast(sub(log(drawn), log1p(neg(drawn))), dtype);
}

/** The factors of all skills by shares: [Q, n, ...]. */
function mixed(shares: Tensor, factors: Tensor): Tensor {
  return dot(shares, factors, { contract: [[2], [1]], batch: [[1], [0]] });
}

function sidesOf(module: object): { readonly inputs: number; readonly outputs: number } {
  const widths = widthsOf(module);
  if (widths !== undefined) return widths;
  throw new LorikeetError('internal', 'a linear layer tells its widths');
}

function tensorOf(value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  throw new LorikeetError('internal', 'a linear layer takes and gives a tensor');
}
