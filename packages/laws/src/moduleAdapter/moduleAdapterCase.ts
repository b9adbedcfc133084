import { at, Context, combine, partition } from '@lorikeet/nn';
import {
  adapt,
  applyTasks,
  isTrainable,
  type ModuleMethod,
  type ModuleVariant,
  moduleAdapters,
  moduleMethod,
} from '@lorikeet/peft-lora';
import {
  evaluate,
  foldIn,
  isFloat,
  mapTensors,
  randomKey,
  type Tensor,
  tensor,
} from '@lorikeet/tensor-core';
import fc from 'fast-check';
import { fastCheckDraw } from '../fastCheckDraw.ts';
import { type Law, law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { Reader, type ReaderInputs } from './reader.ts';

/** A reader with an adapter of some config in every place that takes it. */
export interface ModuleAdapterCase<Config> {
  readonly model: Reader;
  readonly inputs: ReaderInputs;
  readonly method: ModuleMethod<Config>;
  /** As `adapt` made it, in f64. */
  readonly fresh: Reader;
  /** With parameters as after some training. */
  readonly trained: Reader;
}

/** Rows of different lengths, of different tasks. */
const inputs: ReaderInputs = {
  input_ids: tensor(
    [
      [1, 2, 3],
      [0, 4, 5],
    ],
    undefined,
    'i32',
  ),
  attention_mask: tensor(
    [
      [1, 1, 1],
      [1, 1, 0],
    ],
    undefined,
    'i32',
  ),
  task_ids: tensor([1, 0], undefined, 'i32'),
};

/** The same with labels, and with what each token is of an example. */
export const labelledInputs: ReaderInputs = {
  ...inputs,
  labels: tensor(
    [
      [1, 2, 3],
      [0, 4, -100],
    ],
    undefined,
    'i32',
  ),
  input_type_mask: tensor(
    [
      [2, 4, 4],
      [4, 4, 4],
    ],
    undefined,
    'i32',
  ),
};

/** A law over the configs of the variant's own `sample`. */
export function moduleAdapterLaw<Config>(
  name: string,
  variant: ModuleVariant<Config>,
  holds: (found: ModuleAdapterCase<Config>) => Promise<void>,
): Law {
  const methods = fc.gen().map((gen) => {
    const options = variant.sample(fastCheckDraw(gen));
    const shown = (): string => fc.stringify({ config: options });
    return { method: moduleMethod(variant, options), [fc.toStringMethod]: shown };
  });
  return law(
    name,
    methods,
    async ({ method }) => {
      const model = new Reader();
      const fresh = await evaluate(adaptReader(model, method));
      await holds({ model, inputs, method, fresh, trained: await trainedReader(fresh) });
    },
    15,
  );
}

/** The paths of a reader that a variant accepts: the model itself, or all within. */
export function placesOf<Config>(model: Reader, variant: ModuleVariant<Config>): readonly string[] {
  if (variant.accepts(model)) return [''];
  const within = model.layers.flatMap((_, i) => [`layers.${i}.attention`, `layers.${i}.inner`]);
  return within.filter((path) => variant.accepts(Object(at(model, path))));
}

export function adaptReader<Config>(model: Reader, method: ModuleMethod<Config>, seed = 5): Reader {
  const spec = Object.fromEntries(placesOf(model, method.variant).map((path) => [path, method]));
  const tuned = adapt(model, spec, { key: randomKey(seed) });
  return mapTensors(tuned, (leaf) =>
    isFloat(leaf.dtype) && leaf.dtype !== 'f64' ? leaf.cast('f64') : leaf,
  );
}

/** With noise in place of what trains. */
export async function trainedReader(tuned: Reader, seed = 70): Promise<Reader> {
  const [live, frozen] = partition(tuned, isTrainable);
  let count = seed;
  const noise = mapTensors(live, (leaf) => noiseTensor(leaf.shape, count++).mul(0.7));
  return evaluate(combine(noise, frozen));
}

/** The outputs, and the loss if there are labels, in evaluation, or in training with the key of a seed. */
export async function readerOutputs(
  model: Reader,
  given: ReaderInputs,
  seed?: number,
): Promise<number[]> {
  const context =
    seed === undefined ? Context.evaluation : Context.training(foldIn(randomKey(seed), 'law'));
  const { logits, loss } = callReader(model, given, context);
  return numbersIn(loss === undefined ? [logits] : [logits, loss]);
}

/** The outputs of a reader, whose adapters are told the tasks of the rows where they ask for them. */
export function callReader(
  model: Reader,
  given: ReaderInputs,
  context: Context,
): ReturnType<Reader['call']> {
  const { task_ids } = given;
  const asks = moduleAdapters(model).some(
    ({ adapter }) => adapter.settings.variant.traits.takesTasks === true,
  );
  const told = asks && task_ids !== undefined ? applyTasks(model, task_ids) : model;
  return told.call(given, context);
}

export async function numbersIn(tensors: readonly Tensor[]): Promise<number[]> {
  await evaluate(tensors);
  return (await Promise.all(tensors.map((leaf) => leaf.data()))).flatMap((data) => [...data]);
}

/** The model in f32, as files are. */
export function inSingle(model: Reader): Reader {
  return mapTensors(model, (leaf) => leaf.cast('f32'));
}

/** A scalar of what a reader gives for labelled inputs. */
export function objective(
  model: Reader,
  given: ReaderInputs,
  context: Context = Context.evaluation,
): Tensor {
  return scalarOf(callReader(model, { ...labelledInputs, ...given }, context));
}

/** On which each of the outputs has a slope of its own, and the loss. */
export function scalarOf({ logits, loss }: ReturnType<Reader['call']>): Tensor {
  const sum = logits.mul(noiseTensor(logits.shape, 90).cast(logits.dtype)).sum();
  return loss === undefined ? sum : sum.add(loss);
}
