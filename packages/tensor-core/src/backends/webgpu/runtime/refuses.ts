import { attentionGradientOp } from '../../../ops/composite/attentionGradient.ts';
import { concatOp } from '../../../ops/movement/concat.ts';
import { argsortOp } from '../../../ops/sort/argsort.ts';
import { sizeOf } from '../../../shape.ts';
import type { PartitionOptions } from '../../partition.ts';
import { inlineRule } from '../codegen/inlineRules.ts';
import { isAnchor } from '../schedule/anchors.ts';

/** What has no kernel runs on the host: f64, ops without a rule, and what is made of no elements. */
export const cuts: PartitionOptions = {
  refuses({ inputs, ...step }) {
    const { op, type } = step;
    if ([type, ...inputs].some(({ dtype }) => dtype === 'f64')) return true;
    if (op !== concatOp && inputs.some(({ shape }) => sizeOf(shape) === 0)) return true;
    const isKnown =
      isAnchor(op) ||
      op === argsortOp ||
      op === attentionGradientOp ||
      inlineRule({ ...step, inputs: [] }) !== undefined;
    return !isKnown;
  },
  holds: () => false,
};
