/** What a module is in its layer: what has the same role in other layers has a basis in common with it. By PEFT's names. */
export function roleOf(path: string): string {
  const names = path.split('.');
  const [module = '', parent, grandparent] = names.toReversed();
  if (parent === undefined || isNumber(parent)) return module;
  // Of BERT, whose other `output.dense` belongs to the network behind it.
  if (grandparent === 'attention' && parent === 'output' && module === 'dense')
    return 'attention_output';
  return `${parent}_${module}`;
}

/** Number of the layer that a module is in: behind `layers`, else the first in its path; `undefined` if there is none. */
export function layerOf(path: string): number | undefined {
  const names = path.split('.');
  const behind = names[names.indexOf('layers') + 1];
  if (names.includes('layers') && behind !== undefined && isNumber(behind)) return Number(behind);
  const first = names.find(isNumber);
  return first === undefined ? undefined : Number(first);
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
