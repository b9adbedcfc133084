import type { Backend } from './backend.ts';
import { createReferenceBackend } from './backends/reference/referenceBackend.ts';
import { LorikeetError } from './errors.ts';

/** How a backend is offered, before it is known whether it can run here. */
export interface BackendProvider {
  readonly name: string;
  /** Higher is preferred; the reference has 0. */
  readonly rank: number;
  /** Whether it can run here, and in words why, or why not. */
  probe(): Promise<{ readonly available: boolean; readonly reason: string }>;
  create(): Promise<Backend>;
}

const reference: Backend = createReferenceBackend();
let current: Backend = reference;

/** The reference backend: plain loops in f32 or f64, the meaning of all others. */
export const referenceProvider: BackendProvider = {
  name: 'reference',
  rank: 0,
  probe: async () => ({ available: true, reason: 'plain loops over typed arrays, always there' }),
  create: async () => reference,
};

/** The backend on which tensors are computed now. */
export function currentBackend(): Backend {
  return current;
}

/** Computes from now on with `backend`. Returns the one before. */
export function useBackend(backend: Backend): Backend {
  const before = current;
  current = backend;
  return before;
}

/**
 * Makes and uses the provider of the given name, or, without a name, the best that can run here.
 *
 * @throws LorikeetError `backend-unavailable` with the reason.
 */
export async function selectBackend(
  providers: readonly BackendProvider[],
  name?: string,
): Promise<Backend> {
  const candidates = providers.filter((provider) => name === undefined || provider.name === name);
  const reasons: string[] = [];
  for (const provider of candidates.toSorted((a, b) => b.rank - a.rank)) {
    const { available, reason } = await provider.probe();
    if (available) {
      const backend = await provider.create();
      useBackend(backend);
      return backend;
    }
    reasons.push(`${provider.name}: ${reason}`);
  }
  throw new LorikeetError(
    'backend-unavailable',
    name === undefined ? 'no backend can run here' : `the backend '${name}' cannot be used`,
    {
      expected: `one of ${providers.map((provider) => provider.name).join(', ')}`,
      received: reasons.length === 0 ? String(name) : reasons.join('; '),
      hint: 'run `lorikeet doctor` to see which backends there are',
    },
  );
}
