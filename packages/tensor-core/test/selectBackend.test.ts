import {
  type BackendProbe,
  type BackendProvider,
  createReferenceBackend,
  currentBackend,
  selectBackend,
  useBackend,
} from '@lorikeet/tensor-core';
import { afterEach, expect, test } from 'vitest';

const before = currentBackend();
afterEach(() => {
  useBackend(before);
});

function provider(name: string, rank: number, probe: Partial<BackendProbe> = {}): BackendProvider {
  return {
    name,
    rank,
    probe: async () => ({ available: true, reason: 'always there', ...probe }),
    create: async () => ({ ...createReferenceBackend(), name }),
  };
}

test('the highest rank is chosen, whatever the order', async () => {
  const selected = await selectBackend([provider('low', 1), provider('high', 2)]);
  expect(selected.name).toBe('high');
  expect(currentBackend()).toBe(selected);
});

test('what cannot run here is passed over', async () => {
  const missing = provider('high', 2, { available: false });
  expect((await selectBackend([missing, provider('low', 1)])).name).toBe('low');
});

test('the rank of what was found counts, not that of the provider', async () => {
  const native = provider('onnx', 50);
  const software = provider('webgpu', 100, { rank: 20 });
  const hardware = provider('webgpu', 100, { rank: 100 });
  expect((await selectBackend([software, native])).name).toBe('onnx');
  expect((await selectBackend([native, hardware])).name).toBe('webgpu');
});

test('a name is taken whatever its rank', async () => {
  const providers = [provider('onnx', 50), provider('webgpu', 100, { rank: 20 })];
  expect((await selectBackend(providers, 'webgpu')).name).toBe('webgpu');
});

test('what another name would give is not even probed', async () => {
  const broken: BackendProvider = {
    ...provider('broken', 3),
    probe: () => Promise.reject(new Error('probed')),
  };
  expect((await selectBackend([broken, provider('low', 1)], 'low')).name).toBe('low');
});
