import { attentionGradientOp } from '../../../ops/composite/attentionGradient.ts';
import { concatOp } from '../../../ops/movement/concat.ts';
import { sizeOf } from '../../../shape.ts';
import type { PartitionOptions } from '../../partition.ts';
import { inlineRule } from '../codegen/inlineRules.ts';
import { updatesPerElement } from '../codegen/updateRules.ts';
import { isAnchor } from '../schedule/anchors.ts';

/** Updates of a large table are looked for much faster one by one, on the host. */
const mostSteps = 2 ** 28;

/** What has no kernel runs on the host: f64, ops without a rule, and what is made of no elements. */
export const cuts: PartitionOptions = {
  refuses({ inputs, ...step }) {
    const { op, type } = step;
    if ([type, ...inputs].some(({ dtype }) => dtype === 'f64')) return true;
    if (op !== concatOp && inputs.some(({ shape }) => sizeOf(shape) === 0)) return true;
    const [, indices] = inputs;
    const walked = updatesPerElement(op, step.attributes, indices?.shape ?? []);
    if (walked * sizeOf(type.shape) > mostSteps) return true;
    const isKnown =
      isAnchor(op) ||
      op === attentionGradientOp ||
      inlineRule({ ...step, inputs: [] }) !== undefined;
    return !isKnown;
  },
  holds: () => false,
};
