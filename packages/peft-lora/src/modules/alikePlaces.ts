import { LorikeetError } from '@lorikeet/tensor-core';
import type { ModulePlace } from './moduleVariant.ts';
import { wordOf } from './namedPlaces.ts';
import { widthsOf } from './widths.ts';

/** Modules of one word of `target_modules` and one shape, in the order of the model. */
export interface AlikePlaces<Config> {
  readonly own: readonly ModulePlace<Config>[];
  readonly word: string;
  readonly inputs: number;
  readonly outputs: number;
}

export function alikePlaces<Config>(places: readonly ModulePlace<Config>[]): AlikePlaces<Config>[] {
  const groups = new Map<string, AlikePlaces<Config>>();
  for (const place of places) {
    const widths = widthsOf(place.module);
    if (widths === undefined)
      throw new LorikeetError('internal', 'a module does not tell its widths');
    const word = wordOf(place);
    const label = `${widths.inputs} ${widths.outputs} ${word}`;
    const own = [...(groups.get(label)?.own ?? []), place];
    groups.set(label, { ...widths, word, own });
  }
  return [...groups.values()];
}

/** Refuses names of which PEFT would take one for the end of another: which one it takes differs from run to run. */
export function requireOneWord(name: string, places: readonly ModulePlace<unknown>[]): void {
  const groups = alikePlaces(places);
  for (const { word, inputs, outputs, own } of groups) {
    const other = groups.find(
      (group) =>
        group.word !== word &&
        group.inputs === inputs &&
        group.outputs === outputs &&
        own.some(({ path }) => path.endsWith(group.word)),
    );
    if (other === undefined) continue;
    throw new LorikeetError('unsupported', `${name}: PEFT's files cannot tell these names apart`, {
      path: own[0]?.path ?? '',
      received: `${word}, ${other.word}`,
      hint: 'give them names of their own, and save several adapters',
    });
  }
}
