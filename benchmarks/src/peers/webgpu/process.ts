import { peakRssMib } from '../../measure.ts';
import type { PeerAnswer, PeerAnswers, PeerRequest } from './messages.ts';
import type { PeerWork, WebgpuPeer, WebgpuPeerName } from './peer.ts';

const modules: Readonly<
  Record<WebgpuPeerName, () => Promise<{ openPeer(): Promise<WebgpuPeer> }>>
> = {
  'jax-js': () => import('./jax.ts'),
  tfjs: () => import('./tensorflow.ts'),
  onnxruntime: () => import('./onnxruntime.ts'),
};

let peer: WebgpuPeer | undefined;
let work: PeerWork | undefined;
let result: ArrayLike<number> = [];

process.on('message', (message) => {
  // Only the parent sends, and only these.
  void answer(message as PeerRequest)
    .then(
      (done): PeerAnswer => ({ is: 'done', answer: done }),
      (error: unknown): PeerAnswer => ({
        is: 'failed',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
    )
    .then((reply) => process.send?.(reply));
});

// Without its parent it has nothing to do, but libraries keep it alive.
process.on('disconnect', () => process.exit());

async function answer(request: PeerRequest): Promise<PeerAnswers[PeerRequest['do']]> {
  switch (request.do) {
    case 'open': {
      peer = await (await modules[request.peer]()).openPeer();
      const { name, version, adapter } = peer;
      return { name, version, adapter };
    }
    case 'prepare':
      await work?.dispose();
      work = await peer?.prepare(request.task);
      return null;
    case 'run': {
      const start = performance.now();
      result = (await work?.run()) ?? [];
      return { seconds: (performance.now() - start) / 1000 };
    }
    case 'read':
      return { values: Float32Array.from(result) };
    case 'end': {
      const { user, system } = process.cpuUsage();
      return { peak_rss_mib: peakRssMib(), cpu_s: (user + system) / 1e6 };
    }
  }
}
