import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LorikeetError } from '@lorikeet/tensor-core';
import type { PeerAnswer, PeerAnswers, PeerRequest } from './messages.ts';
import type { PeerTask, WebgpuPeerName } from './peer.ts';

/** A rival in a process of its own, so that neither shares a device, its threads or its faults with the other. */
export interface StartedPeer {
  readonly name: string;
  readonly version: string;
  readonly adapter: string;
  prepare(task: PeerTask): Promise<void>;
  /** One run; waits for it. Gives the seconds that it took there. */
  run(): Promise<number>;
  /** What the last run gave. */
  read(): Promise<Float32Array>;
  /** Ends the process. */
  end(): Promise<PeerAnswers['end']>;
}

const script = fileURLToPath(new URL('./process.ts', import.meta.url));

/** Starts a rival on the adapter that `VK_DRIVER_FILES` leaves. */
export async function startPeer(peer: WebgpuPeerName): Promise<StartedPeer> {
  const child = fork(script, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ask = async <Do extends PeerRequest['do']>(
    request: PeerRequest & { readonly do: Do },
  ): Promise<PeerAnswers[Do]> => {
    const reply = await new Promise<PeerAnswer>((resolve, reject) => {
      const ended = (code: number | null, signal: string | null): void =>
        reject(
          new LorikeetError('backend-failed', `the process of ${peer} has ended`, {
            received: `exit status ${code ?? signal}, asked to ${request.do}`,
          }),
        );
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message as PeerAnswer);
      });
      child.send(request);
    });
    if (reply.is === 'failed')
      throw new LorikeetError('backend-failed', `${peer} failed to ${request.do}`, {
        received: reply.message,
      });
    return reply.answer as PeerAnswers[Do];
  };
  const opened = await ask({ do: 'open', peer });
  return {
    ...opened,
    async prepare(task) {
      await ask({ do: 'prepare', task });
    },
    run: async () => (await ask({ do: 'run' })).seconds,
    read: async () => (await ask({ do: 'read' })).values,
    async end() {
      const figures = await ask({ do: 'end' });
      child.removeAllListeners();
      child.kill();
      return figures;
    },
  };
}
