import type { GemmPeer } from '../gemm.ts';
import { webgpuPeerNames } from './peer.ts';
import { startPeer } from './startPeer.ts';

/** The rivals that multiply matrices on WebGPU in Node. */
export async function webgpuGemmPeers(): Promise<readonly GemmPeer[]> {
  const peers: GemmPeer[] = [];
  for (const peer of webgpuPeerNames) {
    const { name, version, adapter, prepare, run, read, end } = await startPeer(peer);
    peers.push({
      name,
      version,
      runsOn: { adapter },
      async prepare(a, b, [m, k, n]) {
        await prepare({
          kind: 'gemm',
          a: { shape: [m, k], values: a },
          b: { shape: [k, n], values: b },
        });
        // The next task takes the place of this one.
        return { run, read, dispose: () => {} };
      },
      end: async () => (await end()).cpu_s,
    });
  }
  return peers;
}
