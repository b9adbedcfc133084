import { combine, partition, paths, replaceAt } from '@lorikeet/nn';
import { evaluate, grad, isFloat, type Tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import { type Law, law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import type { LawModel, PerToken, Reading } from './lawModel.ts';
import {
  hasAnswers,
  inputsOf,
  type ModelCase,
  type ModelSource,
  modelCases,
  type Pads,
  projectionOf,
  readingOf,
} from './modelCase.ts';
import { readsCache } from './readsCache.ts';

export interface ModelLawOptions<M extends LawModel> extends ModelSource<M> {
  /** Whether tokens see those before them only. Defaults to what the model says, and to yes for one with a decoder. */
  readonly isCausal?: boolean;
  /** Tensors that no training changes, by their paths. Defaults to none. */
  readonly isFrozen?: (path: string) => boolean;
  /**
   * Of what must be equal, by the largest number. Defaults to 1e-9; more for what a backend computes in f32 and rounds by
   * the place of an element, such as turns of rotary positions.
   */
  readonly tolerance?: number;
  /** The model saved and loaded again. Without it that law is left out. */
  readonly reload?: (model: M) => Promise<M>;
}

/** Of numbers in f64. */
const usualTolerance = 1e-9;

/**
 * What every model that reads tokens must obey. It is taken in f64.
 *
 * - A token that comes later changes nothing where the model, or its decoder, is causal, and something where it is not.
 * - Read in parts, each with the keys and values of those before it in a cache, a text gives what it gives at once.
 * - Padding on the right, or on the left, changes nothing that is told of tokens and, on the right, of texts.
 * - A batch gives what its rows give one by one.
 * - A gradient reaches every tensor that the outputs depend on.
 * - Saved and loaded again, it gives the same.
 *
 * @example
 * describeLaws('gpt2', modelLaws({ make: () => model, vocabulary: 50 }), { describe, test });
 */
export function modelLaws<M extends LawModel>(options: ModelLawOptions<M>): readonly Law[] {
  const check = (name: string, holds: (given: ModelCase<M>) => Promise<void>): Law =>
    law(name, modelCases(options), holds, 2);
  const { reload } = options;
  // Of a choice nothing is told of tokens; a decoder that echoes reads padding, too.
  const [isOfTokens, isMasked] = [options.chooses !== true, options.echoes !== true];
  const ahead = check('looks ahead exactly where it is not causal', (given) =>
    looksAhead(given, options),
  );
  const left = check('does not see padding on the left', (given) =>
    seesNoPadding(given, options, 'left'),
  );
  const cached = check('reads from a cache what it reads without', (given) =>
    readsCache(given, options, options.tolerance ?? usualTolerance),
  );
  return [
    ...(isOfTokens ? [ahead] : []),
    ...(isOfTokens && isMasked && isCausal(options.make(), options) ? [cached] : []),
    ...(isOfTokens && isMasked ? [left] : []),
    check('does not see padding on the right', (given) => seesNoPadding(given, options, 'right')),
    check('gives for a batch what it gives for its rows', (given) => givesRows(given, options)),
    check('sends a gradient to every tensor that counts', (given) =>
      sendsGradients(given, options),
    ),
    ...(reload === undefined
      ? []
      : [
          check('is the same when it was saved and loaded', async (given) => {
            const inputs = inputsOf(given, given.texts, options);
            const model = options.make();
            const before = await readingOf(model, inputs);
            requireEqual(await readingOf(await reload(model), inputs), before, 0);
          }),
        ]),
  ];
}

async function looksAhead<M extends LawModel>(
  given: ModelCase<M>,
  options: ModelLawOptions<M>,
): Promise<void> {
  const { tolerance = usualTolerance } = options;
  const { model, texts, answers } = given;
  const hasDecoder = hasAnswers(model, options);
  const changed = (rows: readonly (readonly number[])[]): number[][] =>
    rows.map((row) =>
      row.map((token, i) => (i === row.length - 2 ? other(token, options) : token)),
    );
  const read = (a: readonly (readonly number[])[], b: typeof a): Promise<Reading> =>
    readingOf(model, inputsOf({ model, answers: b }, a, options));
  const before = await read(texts, answers);
  const after = hasDecoder
    ? await read(texts, changed(answers))
    : await read(changed(texts), answers);
  const place = ((hasDecoder ? answers : texts)[0]?.length ?? 2) - 2;
  const causal = isCausal(model, options);
  for (const [name, states] of before.output) {
    const others = after.output.get(name) ?? [];
    const early = (rows: PerToken): number[] => rows.flatMap((row) => row.slice(0, place).flat(2));
    const late = (rows: PerToken): number[] => rows.flatMap((row) => row.slice(place).flat(2));
    if (causal) requireClose(`${name} before the token`, early(others), early(states), tolerance);
    if (late(states).every((value, i) => value === late(others)[i]))
      throw new Error(`${name} does not depend on the tokens`);
  }
  if (causal) return;
  const last = [...before.output.keys()].at(-1) ?? '';
  const [one, two] = [before, after].map(({ output }) => output.get(last)?.[0]?.[0] ?? []);
  if (one?.every((value, i) => Math.abs(value - (two?.[i] ?? 0)) < tolerance))
    throw new Error(`${last} of the first token does not see those behind it`);
}

function isCausal(
  model: LawModel,
  options: Pick<ModelLawOptions<LawModel>, 'isCausal' | 'echoes'>,
): boolean {
  return options.isCausal ?? (hasAnswers(model, options) || model.isCausal === true);
}

/** Another token, which is neither padding nor the end of a text. */
function other(
  token: number,
  source: Pick<ModelSource<LawModel>, 'vocabulary' | 'padding' | 'end'>,
): number {
  const next = (token + 1) % source.vocabulary;
  return next === (source.padding ?? 0) || next === source.end ? other(next, source) : next;
}

async function seesNoPadding<M extends LawModel>(
  given: ModelCase<M>,
  options: ModelLawOptions<M>,
  side: 'left' | 'right',
): Promise<void> {
  const { tolerance = usualTolerance } = options;
  const { model, texts } = given;
  const plain = await readingOf(model, inputsOf(given, texts, options));
  const time = texts[0]?.length ?? 0;
  const pads: Pads = { [side]: 2, token: options.padding ?? 0 };
  const check = async (padding: Pads): Promise<void> => {
    const padded = await readingOf(model, inputsOf(given, texts, options, padding));
    const cut = (rows: PerToken): PerToken =>
      rows.map((row) => (side === 'left' ? row.slice(2) : row.slice(0, time)));
    const hasDecoder = hasAnswers(model, options);
    const input = new Map([...padded.input].map(([name, rows]) => [name, cut(rows)]));
    const output = new Map(
      [...padded.output].map(([name, rows]) => [name, hasDecoder ? rows : cut(rows)]),
    );
    // What is told of a text may be told by its first place.
    const rows = side === 'left' && !hasDecoder ? plain.rows : padded.rows;
    requireEqual({ input, output, rows }, plain, tolerance);
  };
  try {
    await check(pads);
  } catch (error) {
    if (side === 'right') throw error;
    await check({ ...pads, placed: true });
  }
}

async function givesRows<M extends LawModel>(
  given: ModelCase<M>,
  options: ModelLawOptions<M>,
): Promise<void> {
  const { tolerance = usualTolerance } = options;
  const { model, texts, answers } = given;
  const size = options.chooses === true ? 2 : 1;
  const together = await readingOf(model, inputsOf(given, texts, options));
  for (let row = 0; row < texts.length / size; row++) {
    const own = texts.slice(row * size, row * size + size);
    const single = inputsOf({ model, answers: answers.slice(row, row + 1) }, own, options);
    const pick = <T>(all: ReadonlyMap<string, readonly T[]>): Map<string, readonly T[]> =>
      new Map([...all].map(([name, rows]) => [name, rows.slice(row, row + 1)]));
    const { input, output, rows } = together;
    const expected = { input: pick(input), output: pick(output), rows: pick(rows) };
    requireEqual(await readingOf(model, single), expected, tolerance);
  }
}

async function sendsGradients<M extends LawModel>(
  given: ModelCase<M>,
  options: ModelLawOptions<M>,
): Promise<void> {
  const { tolerance = usualTolerance } = options;
  const { model, texts } = given;
  const inputs = inputsOf(given, texts, options);
  const [live, still] = partition(
    model,
    (leaf, { path }) => isFloat(leaf.dtype) && options.isFrozen?.(path) !== true,
  );
  const gradient = grad((part: typeof live): Tensor => projectionOf(combine(part, still), inputs))(
    live,
  );
  const value = await projectionOf(model, inputs).item();
  const leaves = new Map(paths(model));
  for (const [path, slope] of paths(await evaluate(gradient))) {
    if ((await slope.data()).some((number) => Math.abs(number) > 1e-12)) continue;
    const leaf = leaves.get(path);
    if (leaf === undefined) throw new Error(`no tensor at ${path}`);
    const moved: M = replaceAt(model, path, leaf.add(noiseTensor(leaf.shape, 5)));
    const change = (await projectionOf(moved, inputs).item()) - value;
    if (Math.abs(change) > tolerance * Math.max(1, Math.abs(value)))
      throw new Error(`no gradient reaches ${path}, and the outputs depend on it`);
  }
}

function requireEqual(got: Reading, expected: Reading, within: number): void {
  for (const kind of ['input', 'output', 'rows'] as const)
    for (const [name, values] of expected[kind]) {
      const [a, b] = [got[kind].get(name), values].map((rows) => flat(rows ?? []));
      if (within === 0) requireSame(name, a ?? [], b ?? []);
      else requireClose(name, a ?? [], b ?? [], within);
    }
}

function flat(rows: PerToken | readonly (readonly number[])[]): number[] {
  return rows.flatMap((row) => row.flat());
}
