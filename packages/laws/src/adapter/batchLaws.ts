import { at, Context, combine, isAdaptable, paths } from '@lorikeet/nn';
import { adapterRows, disable, isTrainableOf, mixBatch, type Variant } from '@lorikeet/peft-lora';
import { concat, grad, isFloat, sliceAxis, stack, type Tensor } from '@lorikeet/tensor-core';
import { requireClose, requireSame } from '../closeness.ts';
import type { Law } from '../law.ts';
import { noiseTensor } from '../noise.ts';
import { adaptAll, adapterLaw, numbersOf, split, trainedForm } from './adapterCase.ts';
import type { Probe } from './probe.ts';

/** Differences of sums in another order, in f64. */
const tolerance = 1e-10;

/** The adapter of each of three rows. */
const names = ['two', null, 'one'] as const;

/** One batch for many tenants. */
export function mixesRows<C>(variant: Variant<C>): Law {
  const name = 'gives each row of a batch what its own adapter alone gives it, in gradients too';
  // Experts are given tokens of any rows.
  const kinds = variant.kinds.filter((kind) => kind !== 'experts');
  return adapterLaw(name, { ...variant, kinds }, async ({ model, inputs, method }) => {
    const one = trainedForm(adaptAll(model, method, { name: 'one' }));
    const both = trainedForm(
      adaptAll(one, method, { name: 'two', seed: 9 }),
      70,
      isTrainableOf('two'),
    );
    const batches = model.adapted.map((path, i) => batchOf(model, path, inputs[i]));
    const rows = adapterRows(both, names);
    const mixed = (tree: Probe): Tensor[] => outputsOf(mixBatch(tree, rows), batches);
    const each = (tree: Probe): Tensor[] => {
      const alone = names.map((kept) => outputsOf(onlyOne(tree, kept), batches));
      return batches.map((_, part) =>
        concat(alone.flatMap((outputs, row) => rowOf(outputs[part], row))),
      );
    };
    const expected = each(both);
    for (const [part, output] of mixed(both).entries()) {
      const [wanted = output, path] = [expected[part], model.adapted[part]];
      const [got, want] = [await numbersOf([output]), await numbersOf([wanted])];
      requireClose(`the output of ${path}`, got, want, tolerance);
      const width = got.length / names.length;
      const base = (all: readonly number[]): readonly number[] => all.slice(width, 2 * width);
      requireSame(`the row of the base of ${path}`, base(got), base(want));
    }
    const [live, frozen] = split(both);
    const slopes = (outputsFor: (tree: Probe) => Tensor[]): Promise<number[]> =>
      numbersOf(
        paths(grad((part: typeof live) => objective(outputsFor(combine(part, frozen))))(live)).map(
          ([, leaf]) => leaf,
        ),
      );
    requireClose('the gradients', await slopes(mixed), await slopes(each), tolerance);
  });
}

/** The inputs of a part for a batch of three. */
function batchOf(model: Probe, path: string, input: Tensor | undefined): Tensor {
  if (input === undefined) throw new Error(`the probe has no input for ${path}`);
  const module = at(model, path);
  if (isAdaptable(module) && module.site.kind === 'conv')
    return sliceAxis(concat([input, input.mul(-0.5)]), 0, 0, names.length);
  return stack(names.map((_, i) => (isFloat(input.dtype) ? input.mul(i - 1.5) : input)));
}

function outputsOf(tree: Probe, batches: readonly Tensor[]): Tensor[] {
  return tree.adapted.map((path, i) => {
    const module = at(tree, path);
    if (!isModule(module)) throw new Error(`there is no module at ${path}`);
    return module.call(batches[i], Context.evaluation);
  });
}

function isModule(node: unknown): node is { call(...inputs: readonly unknown[]): Tensor } {
  return typeof node === 'object' && node !== null && 'call' in node;
}

function onlyOne(tree: Probe, kept: string | null): Probe {
  return ['one', 'two'].reduce((rest, name) => (name === kept ? rest : disable(rest, name)), tree);
}

function rowOf(output: Tensor | undefined, row: number): Tensor[] {
  return output === undefined ? [] : [sliceAxis(output, 0, row, 1)];
}

function objective(outputs: readonly Tensor[]): Tensor {
  return outputs
    .map((output, i) => output.mul(noiseTensor(output.shape, 90 + i)).sum())
    .reduce((sum, term) => sum.add(term));
}
