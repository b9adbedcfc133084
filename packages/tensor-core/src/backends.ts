import type { Backend } from './backend.ts';
import { createReferenceBackend } from './backends/reference/referenceBackend.ts';
import { LorikeetError } from './errors.ts';

/** How a backend is offered, before it is known whether it can run here. */
export interface BackendProvider {
  readonly name: string;
  /** Higher is preferred; the reference has 0. */
  readonly rank: number;
  probe(): Promise<BackendProbe>;
  create(): Promise<Backend>;
}

/** Whether a backend can run here, and in words why, or why not. */
export interface BackendProbe {
  readonly available: boolean;
  readonly reason: string;
  /** In place of the provider's, where it depends on what was found. */
  readonly rank?: number;
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
  const probes = await Promise.all(
    providers
      .filter((provider) => name === undefined || provider.name === name)
      .map(async (provider) => ({ provider, rank: provider.rank, ...(await provider.probe()) })),
  );
  const [best] = probes.filter(({ available }) => available).sort((a, b) => b.rank - a.rank);
  if (best !== undefined) {
    const backend = await best.provider.create();
    useBackend(backend);
    return backend;
  }
  const reasons = probes.map(({ provider, reason }) => `${provider.name}: ${reason}`);
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
