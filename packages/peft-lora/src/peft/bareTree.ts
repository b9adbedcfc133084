import { Conv1D, Convolution, Embedding, Linear } from '@lorikeet/nn';
import { LorikeetError, type Shape, type Tensor } from '@lorikeet/tensor-core';
import { unknownWeight } from './unknownWeight.ts';

/** What the files of an adapter tell of a module that it adapts. */
export interface BareModule {
  readonly kind: 'linear' | 'embedding' | 'conv';
  /** Of the thin factors: [out, R, ...] and [R, in, ...]. */
  readonly left: Shape;
  readonly right: Shape;
  readonly bias: Tensor | null;
  /** Whether linear layers keep their weight as [in, out], as those of GPT-2. */
  readonly fanInFanOut: boolean;
  /** The weight, where the file has it. */
  readonly weight: Tensor | undefined;
}

/** The module, without values that are not known. */
export function bareModule({ kind, left, right, bias, weight, fanInFanOut }: BareModule): object {
  const [out = 0, width = 1] = left;
  const [rank = 0, inputs = 0, ...kernel] = right;
  if (kind === 'embedding') return new Embedding(weight ?? unknownWeight([inputs, out]));
  if (kind === 'linear' && fanInFanOut)
    return new Conv1D(weight ?? unknownWeight([inputs, out]), bias ?? unknownWeight([out]));
  if (kind === 'linear') return new Linear(weight ?? unknownWeight([out, inputs]), bias);
  // PEFT divides the rank among the groups of a convolution.
  const options = { groups: rank / width };
  return new Convolution(weight ?? unknownWeight([out, inputs, ...kernel]), bias, options);
}

type Branch = Map<string, Branch | object>;

/** A tree with some nodes at their paths. Throws `invalid-file` if a path goes through another's node, or is too long. */
export function treeOf(nodes: ReadonlyMap<string, object>): object {
  const root: Branch = new Map();
  for (const [path, node] of nodes) {
    const steps = path.split('.');
    if (steps.length > deepest) throw tooDeep(path);
    let branch = root;
    for (const step of steps.slice(0, -1)) {
      const next = branch.get(step) ?? new Map();
      if (!(next instanceof Map)) throw overlapping(path);
      branch.set(step, next);
      branch = next;
    }
    const last = steps.at(-1) ?? '';
    if (branch.has(last)) throw overlapping(path);
    branch.set(last, node);
  }
  return recordOf(root);
}

function recordOf(branch: Branch): object {
  return Object.fromEntries(
    [...branch].map(([name, node]) => [name, node instanceof Map ? recordOf(node) : node]),
  );
}

/** Only a hostile file has names of more parts. */
const deepest = 64;

function tooDeep(path: string): LorikeetError {
  return new LorikeetError('invalid-file', 'the name of a tensor has too many parts', {
    path: `${path.slice(0, 60)}...`,
    expected: `${deepest} at most`,
  });
}

function overlapping(path: string): LorikeetError {
  return new LorikeetError('invalid-file', 'a tensor of the adapter lies within another one', {
    path,
  });
}
