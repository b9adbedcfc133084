import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type { Session } from './runtime.ts';

/**
 * A session whose results go into the tensors that are given for them. In WebAssembly ONNX Runtime writes to memory of
 * its own, and leaves such tensors as they are.
 */
export function filledSession(session: InferenceSession): Session {
  return {
    async run(feeds, fetches) {
      const results = await session.run(feeds, Object.keys(fetches));
      for (const [name, target] of Object.entries(fetches)) {
        const result = results[name];
        if (result !== undefined && target !== null) bytesOf(target).set(bytesOf(result));
      }
    },
    endProfiling: () => session.endProfiling(),
  };
}

function bytesOf({ data }: Tensor): Uint8Array {
  if (!ArrayBuffer.isView(data)) return new Uint8Array(0);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
