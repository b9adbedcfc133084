import type { Instruction } from '../../../program.ts';
import {
  attentionRowsOp,
  attentionSides,
  attentionSlopeOp,
  attentionStep,
} from '../schedule/attentionStep.ts';
import { walks } from '../schedule/attentionWalk.ts';
import { attentionBlock } from './attentionBlock.ts';
import { attentionFunctions } from './attentionFunctions.ts';
import { attentionRange, mayBeBlind } from './attentionRange.ts';
import { attentionTile } from './attentionTiles.ts';
import { finishFunction } from './finishFunction.ts';
import { type EmitArguments, groupIndex, type KernelForm } from './kernelText.ts';

/**
 * Attention, or a derivative of it, without its matrix of weights: threads own rows of the result and go over all
 * that these are made of, by few at a time. The largest score and the sum so far are corrected when a larger score comes
 * by (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"); the derivatives compute the weights
 * again (Dao et al. 2022, "FlashAttention").
 */
export function emitAttention(args: EmitArguments): KernelForm {
  const { plan, values, writer, stored } = args;
  const step = attentionStep(values.instruction(plan.anchor) as Instruction);
  const sides = attentionSides(step, (value) => values.type(value));
  const walk = walks[step.goal];
  const rows = stored.find((value) => values.instruction(value)?.op === attentionRowsOp);
  const results = stored.filter((value) => value !== rows);
  const joined = [...plan.members.keys()].filter(
    (value) => value !== plan.anchor && values.instruction(value)?.op === attentionSlopeOp,
  );
  const summing = [walk, ...joined.map(() => walks.value)];
  const sums =
    results.length === 0 ? [] : summing.flatMap(({ sum }) => (sum === undefined ? [] : [sum]));
  const tile = attentionTile(walk, sums, sides, args.tiling, args.subgroups);
  const block = attentionBlock(args, {
    step,
    sides,
    tile,
    walk,
    functions: attentionFunctions(args, step, sides),
    sums,
  });
  const { batch, heads, groups: headGroups, queries, keys } = sides;
  const share = heads / headGroups;
  const isByQuery = walk.owner === 'query';
  const isForward = step.goal === 'result' || step.goal === 'rows';
  const [owners, others] = isByQuery ? [queries, keys] : [keys, queries];
  const batches = batch * (isByQuery ? heads : headGroups);
  const perGroup = tile.threads / tile.lanes;
  const tiles = Math.ceil(owners / perGroup);
  const groups = batches * tiles;
  const givesValue = step.goal === 'value' || joined.length > 0;
  const range = attentionRange(step, sides, { owner: walk.owner, perGroup, givesValue });
  // A row that sees nothing has even weights, also of what nobody sees.
  const mayReturn = isForward && !range.isWhole && mayBeBlind(step, sides);
  const header = [
    ...block.declarations,
    ...(mayReturn && tile.readers !== 'thread'
      ? [`var<workgroup> blind: array<u32, ${tile.threads}>;`]
      : []),
    ...(results.length > 0
      ? [finishFunction({ ...args, stored: results }, [plan.anchor, ...joined])]
      : []),
  ];

  writer.line(`let id = ${groupIndex};`);
  writer.line(`if (id >= ${groups}u) { return; }`);
  writer.line(`let z = id / ${tiles}u;`);
  writer.line(`let first = id % ${tiles}u * ${perGroup}u;`);
  if (tile.lanes > 1) writer.line(`let member = local % ${tile.lanes}u;`);
  writer.line(`let place = first + local${tile.lanes === 1 ? '' : ` / ${tile.lanes}u`};`);
  writer.line(`let own = min(place, ${owners - 1}u);`);
  block.begin();
  writer.line(`let start = ${range.from} / ${tile.wide}u * ${tile.wide}u;`);
  writer.line(`let stop = ${range.until};`);
  const walkRange = (start: string, stop: string): void => {
    const head = `for (var met = ${start}; met < ${stop}; met += ${tile.wide}u)`;
    writer.block(head, () => block.meet(others));
  };
  const overHeads = (body: () => void): void => {
    if (isByQuery || share === 1) body();
    else
      writer.block(
        `for (var head = z * ${share}u; head < z * ${share}u + ${share}u; head++)`,
        body,
      );
  };
  overHeads(() => {
    if (!mayReturn) {
      walkRange('start', 'stop');
      return;
    }
    writer.line(`let behind = (stop + ${tile.wide - 1}u) / ${tile.wide}u * ${tile.wide}u;`);
    writer.line('var walks = 1u;');
    writer.block('for (var i = 0u; i < walks; i++)', () => {
      writer.line(`let begin = select(select(behind, 0u, i == 1u), start, i == 0u);`);
      writer.line(`let end = select(select(${others}u, start, i == 1u), stop, i == 0u);`);
      walkRange('begin', 'end');
      writer.block('if (i == 0u)', () => {
        writer.line(`walks = select(1u, 3u, ${block.isAnyBlind()});`);
      });
    });
  });
  block.finish(owners, rows);
  return { workgroup: tile.threads, groups, header: header.join('\n') };
}
