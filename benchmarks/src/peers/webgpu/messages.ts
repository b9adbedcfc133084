import type { PeerTask, WebgpuPeerName } from './peer.ts';

/** What a rival's process is told, one at a time; each is answered. */
export type PeerRequest =
  | { readonly do: 'open'; readonly peer: WebgpuPeerName }
  /** In the place of the task before. */
  | { readonly do: 'prepare'; readonly task: PeerTask }
  | { readonly do: 'run' }
  /** What the last run gave. */
  | { readonly do: 'read' }
  | { readonly do: 'end' };

export interface PeerAnswers {
  readonly open: { readonly name: string; readonly version: string; readonly adapter: string };
  readonly prepare: null;
  readonly run: { readonly seconds: number };
  readonly read: { readonly values: Float32Array };
  /** @property cpu_s seconds of processor time, from its start to its end. */
  readonly end: { readonly peak_rss_mib: number; readonly cpu_s: number };
}

export type PeerAnswer =
  | { readonly is: 'done'; readonly answer: PeerAnswers[PeerRequest['do']] }
  | { readonly is: 'failed'; readonly message: string };
