import {
  clampOp,
  convOp,
  geluOp,
  hardTanhOp,
  layerNormOp,
  leakyReluOp,
  logSoftmaxOp,
  logSumExpOp,
  operand,
  quickGeluOp,
  relu6Op,
  reluOp,
  rmsNormOp,
  sigmoidOp,
  siluOp,
  softmaxOp,
} from '@lorikeet/tensor-core';
import { carrierOf } from '../carrier.ts';
import type { GraphBuilder } from '../graphBuilder.ts';
import { type Lowering, lowering, oneNode } from '../lowering.ts';
import type { Value } from '../value.ts';

const contrib = { domain: 'com.microsoft' } as const;

export const compositeLowerings: readonly Lowering[] = [
  oneNode(sigmoidOp, 'Sigmoid'),
  oneNode(reluOp, 'Relu'),
  lowering(leakyReluOp, 'LeakyRelu', {
    lower: ({ graph, inputs, attributes: { slope } }) =>
      graph.node('LeakyRelu', [operand(inputs, 0).name], { alpha: { float: slope } }),
  }),
  lowering(clampOp, 'Clip', {
    lower: ({ graph, inputs, attributes: { min, max } }) =>
      clip(graph, operand(inputs, 0), min, max),
  }),
  lowering(hardTanhOp, 'Clip', {
    lower: ({ graph, inputs, attributes: { min, max } }) =>
      clip(graph, operand(inputs, 0), min, max),
  }),
  lowering(relu6Op, 'Clip', {
    lower: ({ graph, inputs }) => clip(graph, operand(inputs, 0), 0, 6),
  }),
  lowering(geluOp, 'Gelu', {
    lower: ({ graph, inputs, attributes: { approximate } }) =>
      graph.node('Gelu', [operand(inputs, 0).name], { approximate }),
  }),
  lowering(quickGeluOp, 'QuickGelu', {
    lower: ({ graph, inputs }) =>
      graph.node('QuickGelu', [operand(inputs, 0).name], { alpha: { float: 1.702 } }, contrib),
  }),
  lowering(siluOp, 'QuickGelu', {
    lower: ({ graph, inputs }) =>
      graph.node('QuickGelu', [operand(inputs, 0).name], { alpha: { float: 1 } }, contrib),
  }),
  lowering(softmaxOp, 'Softmax', {
    lower: ({ graph, inputs, attributes: { axis } }) =>
      graph.node('Softmax', [operand(inputs, 0).name], { axis }),
  }),
  lowering(logSoftmaxOp, 'LogSoftmax', {
    lower: ({ graph, inputs, attributes: { axis } }) =>
      graph.node('LogSoftmax', [operand(inputs, 0).name], { axis }),
  }),
  lowering(logSumExpOp, 'ReduceLogSumExp', {
    lower: ({ graph, inputs, attributes: { axis, keepAxes } }) =>
      graph.node('ReduceLogSumExp', [operand(inputs, 0).name, graph.ints([axis])], {
        keepdims: keepAxes ? 1 : 0,
      }),
  }),
  lowering(layerNormOp, 'LayerNormalization', {
    lower({ graph, inputs, attributes: { epsilon }, type }) {
      const weight = operand(inputs, 1);
      const axis = type.shape.length - weight.shape.length;
      return graph.node(
        'LayerNormalization',
        inputs.map(({ name }) => name),
        { axis, epsilon: { float: epsilon } },
      );
    },
  }),
  lowering(rmsNormOp, 'SimplifiedLayerNormalization', {
    lower: ({ graph, inputs, attributes: { epsilon } }) =>
      graph.node(
        'SimplifiedLayerNormalization',
        inputs.map(({ name }) => name),
        {
          axis: -1,
          epsilon: { float: epsilon },
        },
      ),
  }),
  lowering(convOp, 'Conv', {
    refuses: ([x]) => ((x?.shape.length ?? 0) < 3 ? 'no spatial axis' : undefined),
    lower: ({ graph, inputs, attributes: { stride, padding, dilation, groups } }) =>
      graph.node(
        'Conv',
        inputs.map(({ name }) => name),
        {
          strides: stride,
          pads: [...padding, ...padding],
          dilations: dilation,
          group: groups,
        },
      ),
  }),
];

function clip(
  graph: GraphBuilder,
  { name, dtype }: Value,
  min: number | null,
  max: number | null,
): string {
  const bound = (value: number | null): string =>
    value === null ? '' : graph.constant(carrierOf(dtype), [], [value]);
  return graph.node('Clip', [name, bound(min), ...(max === null ? [] : [bound(max)])]);
}
