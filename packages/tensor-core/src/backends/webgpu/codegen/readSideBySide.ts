import type { KernelWriter } from './kernelWriter.ts';
import { dividePlace, type Place, remainderOfPlace } from './place.ts';

/**
 * Has the values be read in vectors of which `ask` wants elements side by side: four reads become one. A value of
 * which it also wants one that may be anywhere in a vector is left as it is.
 *
 * @returns whether there are such values.
 */
export function readSideBySide(writer: KernelWriter, ask: (writer: KernelWriter) => void): boolean {
  const probe = writer.probe();
  let isAny = false;
  ask(probe);
  for (const [value, places] of probe.accesses.loads()) {
    const components = vectorsOf(places);
    if (components === undefined || !writer.hasVectors(value)) continue;
    const isWhole = [...components.values()].every(({ size }) => size === 4);
    if (!isWhole) continue;
    writer.readInVectors(value);
    isAny = true;
  }
  return isAny;
}

/** Which components of which vectors the places are; nothing if one may be any component. */
function vectorsOf(
  places: readonly (Place | undefined)[],
): ReadonlyMap<string, ReadonlySet<number>> | undefined {
  const vectors = new Map<string, Set<number>>();
  for (const place of places) {
    const component = place && remainderOfPlace(place, 4);
    if (place === undefined || component === undefined || component.terms.length > 0)
      return undefined;
    const { key } = dividePlace(place, 4);
    vectors.set(key, (vectors.get(key) ?? new Set()).add(component.constant));
  }
  return vectors;
}
