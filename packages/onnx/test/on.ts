import { type Backend, type Tensor, tensor, useBackend } from '@lorikeet/tensor-core';

/** With `backend` in use. */
export async function on<T>(backend: Backend, run: () => Promise<T>): Promise<T> {
  const before = useBackend(backend);
  try {
    return await run();
  } finally {
    useBackend(before);
  }
}

/** The same elements, in memory of the host: such a tensor can be used on each backend. */
export async function onHost(x: Tensor): Promise<Tensor> {
  return tensor(await x.data(), x.shape, x.dtype);
}
