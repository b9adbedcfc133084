import { Context, mapTree } from '@lorikeet/nn';
import { evaluate, isFloat, type Tensor, tensor } from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { type LawInputs, type LawModel, type Reading, readOutputs, tokens } from './lawModel.ts';

/** What the laws need to know of a model. */
export interface ModelSource<M extends LawModel> {
  /** The model, with values that are not small. */
  readonly make: () => M;
  /** Tokens are numbers below this. */
  readonly vocabulary: number;
  /** The number of padding. Defaults to 0. */
  readonly padding?: number;
  /** The number that every text ends with, if it must. */
  readonly end?: number;
  /** Whether each row is a choice among texts. Defaults to no. */
  readonly chooses?: boolean;
  /** Whether a decoder reads what the encoder does, and is given nothing. Defaults to no. */
  readonly echoes?: boolean;
}

/** A model in f64, with texts of one length for it. */
export interface ModelCase<M extends LawModel> {
  readonly model: M;
  /** Two texts; of a choice, two for each row. */
  readonly texts: readonly (readonly number[])[];
  /** What the decoder reads, one row for each text, where there is one. */
  readonly answers: readonly (readonly number[])[];
}

export function modelCases<M extends LawModel>(source: ModelSource<M>): fc.Arbitrary<ModelCase<M>> {
  const { vocabulary, padding = 0, end } = source;
  const token = fc
    .integer({ min: 0, max: vocabulary - 1 })
    .filter((number) => number !== padding && number !== end);
  const count = source.chooses === true ? 4 : 2;
  const rows = (length: number): fc.Arbitrary<number[][]> =>
    fc.array(fc.array(token, { minLength: length, maxLength: length }), {
      minLength: count,
      maxLength: count,
    });
  const model = mapTree(source.make(), (leaf) => (isFloat(leaf.dtype) ? leaf.cast('f64') : leaf));
  const ended = (row: number[]): number[] => (end === undefined ? row : [...row.slice(0, -1), end]);
  return fc
    .record({ time: fc.integer({ min: 4, max: 6 }), told: fc.constant(5) })
    .chain(({ time, told }) =>
      fc.record({ texts: rows(time), answers: rows(told) }).map(({ texts, answers }) => ({
        model,
        texts: texts.map(ended),
        answers: answers.map(ended),
        [fc.toStringMethod]: () =>
          `${model.constructor.name} of ${JSON.stringify({ texts, answers })}`,
      })),
    );
}

/** Whether a decoder is given something to read. */
export function hasAnswers(
  model: LawModel,
  { echoes = false }: Pick<ModelSource<LawModel>, 'echoes'>,
): boolean {
  return model.inputSite.hasDecoder === true && !echoes;
}

/** Padding beside each text. */
export interface Pads {
  readonly left?: number;
  readonly right?: number;
  readonly token: number;
  /** Whether the places of tokens are given, as if there was no padding. */
  readonly placed?: boolean;
}

/** The inputs of a call for some texts, padded or not. */
export function inputsOf(
  { model, answers }: Pick<ModelCase<LawModel>, 'model' | 'answers'>,
  texts: readonly (readonly number[])[],
  { chooses = false, echoes = false }: Pick<ModelSource<LawModel>, 'chooses' | 'echoes'>,
  pads?: Pads,
): LawInputs {
  const { left = 0, right = 0, token = 0 } = pads ?? {};
  const around = (
    row: readonly number[],
    before: number,
    inside: readonly number[],
    after: number,
  ) => [
    ...new Array<number>(left).fill(before),
    ...inside.slice(0, row.length),
    ...new Array<number>(right).fill(after),
  ];
  const shaped = (rows: readonly (readonly number[])[]): Tensor => {
    const all = tokens(rows);
    const [count = 0, time = 0] = all.shape;
    return chooses ? all.reshape([count / 2, 2, time]) : all;
  };
  const ones = (row: readonly number[]): number[] => row.map(() => 1);
  const counted = (row: readonly number[]): number[] => row.map((_, i) => i);
  return {
    input_ids: shaped(texts.map((row) => around(row, token, row, token))),
    ...(pads && { attention_mask: shaped(texts.map((row) => around(row, 0, ones(row), 0))) }),
    ...(pads?.placed && {
      position_ids: shaped(texts.map((row) => around(row, 1, counted(row), 1))),
    }),
    ...(hasAnswers(model, { echoes }) && { decoder_input_ids: tokens(answers) }),
  };
}

/** The outputs of a call as numbers. */
export async function readingOf(model: LawModel, inputs: LawInputs): Promise<Reading> {
  const [batch = 0] = inputs.input_ids.shape;
  const time = inputs.input_ids.shape.at(-1) ?? 0;
  const told = inputs.decoder_input_ids?.shape[1] ?? time;
  const outputs = await evaluate(model.call(inputs, Context.evaluation));
  return readOutputs(outputs, { batch, time, told });
}

/** One number that depends on all outputs of a call. */
export function projectionOf(model: LawModel, inputs: LawInputs): Tensor {
  const { logits, start_logits, end_logits, last_hidden_state, pooler_output } = model.call(
    inputs,
    Context.evaluation,
  );
  const outputs = [logits, start_logits, end_logits, last_hidden_state, pooler_output];
  const terms = outputs
    .filter((x) => x !== undefined)
    .map((x, i) => {
      const weights = Float64Array.from({ length: x.size }, (_, j) => Math.sin(3 * j + i + 1));
      return x
        .cast('f64')
        .mul(tensor(weights, x.shape, 'f64'))
        .sum();
    });
  return terms.reduce((sum, term) => sum.add(term));
}
