import { sizeOf } from '../../../shape.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { elementsPerWord, packed, scalarOf } from '../codegen/scalars.ts';
import { elementVariable } from '../schedule/kernelPlan.ts';
import { coordinatesOf, type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';

const threads = 64;

/** Each thread computes the elements of one word, of the stored value whose words hold the most. */
export function emitMap({ plan, values, writer, stored }: EmitArguments): KernelForm {
  const perWord = (value: number): number => elementsPerWord(values.memoryType(value).dtype);
  const each = Math.max(...stored.map(perWord));
  const steps = Math.ceil(plan.rows / each);
  writer.line(`let step = (${groupIndex}) * ${threads}u + local;`);
  writer.line(`if (step >= ${steps}u) { return; }`);
  if (each === 1) {
    writer.line(`let ${elementVariable} = step;`);
    for (const value of stored) {
      const coordinates = coordinatesOf(plan, value);
      const element = writer.element(value, coordinates);
      writer.storeElement(value, flatPlace(coordinates, values.type(value).shape), element);
    }
    return { workgroup: threads, groups: Math.ceil(steps / threads) };
  }
  const kept = stored.map((value) => {
    const name = writer.freshName('w');
    writer.line(`var ${name}: array<${scalarOf(values.type(value).dtype)}, ${each}>;`);
    return { value, name };
  });
  for (let i = 0; i < each; i++)
    writer.block('', () => {
      writer.line(`let ${elementVariable} = step * ${each}u + ${i}u;`);
      const isWhole = plan.rows % each === 0;
      writer.block(isWhole ? '' : `if (${elementVariable} < ${plan.rows}u)`, () => {
        for (const { value, name } of kept)
          writer.line(`${name}[${i}] = ${writer.element(value, coordinatesOf(plan, value))};`);
      });
    });
  for (const { value, name } of kept) storeWords(value, name);
  return { workgroup: threads, groups: Math.ceil(steps / threads) };

  function storeWords(value: number, name: string): void {
    const { dtype, shape } = values.type(value);
    const count = perWord(value);
    const words = Math.ceil(sizeOf(shape) / count);
    for (let word = 0; word < each / count; word++) {
      const elements = Array.from({ length: count }, (_, i) => `${name}[${word * count + i}]`);
      const place = `step * ${each / count}u + ${word}u`;
      const text = count === 1 ? elements[0] : packed(dtype, elements);
      const store = (): void => writer.storeWord(value, `(${place})`, text ?? '');
      if (steps * (each / count) === words) store();
      else writer.block(`if (${place} < ${words}u)`, store);
    }
  }
}
