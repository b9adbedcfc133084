import type { KernelWriter } from './kernelWriter.ts';
import { dividePlace, remainderOfPlace } from './place.ts';

/**
 * Has the values be read in vectors of which `ask` wants elements side by side: four reads become one. A value of
 * which it also wants one that may be anywhere in a vector is left as it is.
 */
export function readSideBySide(writer: KernelWriter, ask: (writer: KernelWriter) => void): void {
  const probe = writer.probe();
  ask(probe);
  const vectors = new Map<number, Map<string, Set<number>>>();
  const scattered = new Set<number>();
  for (const { value, place } of probe.loads) {
    const component = remainderOfPlace(place, 4);
    if (component.terms.length > 0 || !writer.hasVectors(value)) {
      scattered.add(value);
      continue;
    }
    const ofValue = vectors.get(value) ?? new Map<string, Set<number>>();
    const { key } = dividePlace(place, 4);
    ofValue.set(key, (ofValue.get(key) ?? new Set()).add(component.constant));
    vectors.set(value, ofValue);
  }
  for (const [value, ofValue] of vectors) {
    const isWhole = [...ofValue.values()].every((components) => components.size === 4);
    if (isWhole && !scattered.has(value)) writer.readInVectors(value);
  }
}
