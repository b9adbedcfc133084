import { createReferenceBackend, useBackend } from '@lorikeet/tensor-core';

/** What `body` gives where the reference computes. */
export async function onReference<T>(body: () => Promise<T>): Promise<T> {
  const before = useBackend(createReferenceBackend());
  try {
    return await body();
  } finally {
    useBackend(before);
  }
}
