import type { Tensor } from 'onnxruntime-common';
import { GraphBuilder } from '../graphBuilder.ts';
import { opset } from '../opset.ts';
import { encodeModel } from '../proto/encodeModel.ts';
import type { GraphProto, ModelProto } from '../proto/model.ts';
import type { OnnxRuntime, Session } from './runtime.ts';

/*
 * `onnxruntime-node` 1.30 writes results into the tensors that it is given for them, and then copies each into a new one
 * that nobody asked for (https://github.com/microsoft/onnxruntime/pull/32346 is to end that). It stops before the first result that is no tensor. So graphs have
 * an empty sequence as their first result: when the runtime refuses it, all others are written, and none is copied.
 */

const mark = 'end';
const refusal = 'Non tensor type is temporarily not supported.';

/** Finds out once, with a small graph, whether a runtime stops at the mark with all results written. */
export function markTrial(runtime: OnnxRuntime): () => Promise<boolean> {
  let found: Promise<boolean> | undefined;
  return () => {
    found ??= tryMark(runtime).catch(() => false);
    return found;
  };
}

/** The graph with the mark before its results. */
export function withMark(graph: GraphProto): GraphProto {
  const node = { opType: 'SequenceEmpty', domain: '', name: `/${mark}`, attributes: {} };
  return {
    ...graph,
    nodes: [...graph.nodes, { ...node, inputs: [], outputs: [mark] }],
    outputs: [{ name: mark, elementType: 'float', dims: [], isSequence: true }, ...graph.outputs],
  };
}

/** Runs a session of a graph with the mark. */
export async function runToMark(
  session: Session,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: Readonly<Record<string, Tensor>>,
): Promise<void> {
  try {
    await session.run(feeds, { [mark]: null, ...fetches });
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

async function tryMark(runtime: OnnxRuntime): Promise<boolean> {
  const graph = new GraphBuilder();
  const dims = [2];
  graph.rename(graph.node('Add', ['x', 'x']), 'y');
  const type = { elementType: 'float', dims } as const;
  const built = graph.build('mark', [{ name: 'x', ...type }], [{ name: 'y', ...type }]);
  const model: ModelProto = { opset, graph: withMark(built), metadata: {} };
  // What fails is thrown, and not also written.
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const;
  const session = await runtime.InferenceSession.create(encodeModel(model), options);
  const x = new runtime.Tensor('float32', Float32Array.of(1, 2), dims);
  const written = new Float32Array(2);
  const y = new runtime.Tensor('float32', written, dims);
  try {
    await session.run({ x }, { [mark]: null, y });
  } catch (error) {
    return isRefusal(error) && written[0] === 2 && written[1] === 4;
  }
  return false;
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message === refusal;
}
