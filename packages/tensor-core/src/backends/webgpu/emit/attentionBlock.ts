import { excludedScore } from '../../../attentionWeights.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { constantPlace, variablePlace } from '../codegen/place.ts';
import { literalText } from '../codegen/scalars.ts';
import type { AttentionOperand, AttentionSides, AttentionStep } from '../schedule/attentionStep.ts';
import {
  type AttentionWalk,
  lengthOf,
  type WalkProduct,
  type WalkSum,
} from '../schedule/attentionWalk.ts';
import { type AttentionFunctions, vectorType } from './attentionFunctions.ts';
import { type AttentionTile, vectorWidth } from './attentionTiles.ts';
import type { EmitArguments } from './kernelText.ts';

interface BlockOptions {
  readonly step: AttentionStep;
  readonly sides: AttentionSides;
  readonly tile: AttentionTile;
  readonly walk: AttentionWalk;
  readonly functions: AttentionFunctions;
  /** What is wanted: that of the anchor, and that of a value which came to its kernel; none if only the rows are. */
  readonly sums: readonly WalkSum[];
}

/** What a thread of attention has of its owner, and what it does with a block of what it meets. */
export interface AttentionBlock {
  readonly declarations: readonly string[];
  /** Reads what the owner has, and begins its sums. */
  begin(): void;
  /** A block from `met` on; of those behind `others`, the last is met again, to no effect. */
  meet(others: number): void;
  /** Whether an owner in the group has seen nothing. */
  isAnyBlind(): string;
  finish(owners: number, rows: number | undefined): void;
}

/** Lower than any score. */
const lowest = literalText('f32', -3.4028234663852886e38);
/** Weights of scores that lie this far below the largest are 0 in f32. */
const vanishing = '104.0';

/**
 * The vectors of a head are gone along in loops: the compilers of GPUs take so short ones apart and have the vectors in
 * registers, and one that keeps them has few loads to compile.
 */
export function attentionBlock(args: EmitArguments, options: BlockOptions): AttentionBlock {
  const { writer, values } = args;
  const { step, sides, tile, walk, functions, sums } = options;
  const { lanes, wide, threads, readers } = tile;
  const isByQuery = walk.owner === 'query';
  const isForward = step.goal === 'result' || step.goal === 'rows';
  const share = sides.heads / sides.groups;
  const block = Array.from({ length: wide }, (_, j) => j);
  const { products } = walk;
  const met = [...new Set([...products, ...sums].map((pass) => pass.met))];
  const partsOf = (name: AttentionOperand): number => {
    const length = lengthOf(name, sides);
    return length / vectorWidth(length);
  };
  const typeOf = (name: AttentionOperand): string => vectorType(lengthOf(name, sides));
  /** Heads of keys and values are z / share where those of queries are z. */
  const headOf = (name: AttentionOperand): string => {
    const isOfKeys = name === 'key' || name === 'value';
    if (share === 1) return 'z';
    if (isByQuery) return isOfKeys ? `z / ${share}u` : 'z';
    return isOfKeys ? 'z' : 'head';
  };
  const scoreHead = isByQuery || share === 1 ? 'z' : 'head';
  const pair = (j: number): string =>
    isByQuery ? `${scoreHead}, own, met${j}` : `${scoreHead}, met${j}, own`;
  /** The name of what was found of the row of scores of a pair. */
  const ofRow = (j: number, name: string): string => `${name}_${isByQuery ? 'own' : `met${j}`}`;
  const query = values.type(step.operands.get('query') ?? -1);
  const excluded = literalText('f32', excludedScore(query.dtype));

  const names = [...new Set([...met, ...products.map(({ held }) => held)])];
  const seen = functions.seen();
  const dropout = functions.dropout();
  const declarations = [
    ...(readers === 'group'
      ? met.map(
          (name) => `var<workgroup> ${name}Tile: array<${typeOf(name)}, ${wide * partsOf(name)}>;`,
        )
      : []),
    ...(lanes > 1
      ? [`var<workgroup> shares: array<f32, ${products.length * wide * threads}>;`]
      : []),
    ...names.map((name) => functions.part(name)),
    ...(isForward ? [] : [functions.row()]),
    ...(products.length > 1 ? [functions.mean()] : []),
    ...(seen === undefined ? [] : [seen]),
    functions.score(),
    ...(dropout === undefined ? [] : [dropout]),
  ];

  return { declarations, begin, meet, isAnyBlind, finish };

  /** Goes along what the thread has of an operand's vectors: `p` counts that, `part` tells where in the whole it is. */
  function alongParts(name: AttentionOperand, body: () => void): void {
    const count = `${partsOf(name) / lanes}u${args.keepsLoops ? ' + unknownZero' : ''}`;
    writer.block(`for (var p = 0u; p < ${count}; p++)`, () => {
      writer.line(`let part = ${lanes === 1 ? 'p' : `p * ${lanes}u + member`};`);
      body();
    });
  }

  function begin(): void {
    // Always 0, which a compiler does not know.
    if (args.keepsLoops) writer.line('let unknownZero = group.z;');
    for (const { held } of products) {
      writer.line(`var ${held}Held: array<${typeOf(held)}, ${partsOf(held) / lanes}>;`);
      const scale =
        held === walk.products[0].held ? ` * ${literalText('f32', step.attributes.scale)}` : '';
      alongParts(held, () => {
        writer.line(`${held}Held[p] = ${held}Part(${headOf(held)}, own, part)${scale};`);
      });
    }
    if (isForward) {
      writer.line(`var most = ${lowest};`);
      writer.line('var total = 0.0;');
    } else if (isByQuery) findRow('own');
    for (const { met: name } of sums)
      writer.line(`var ${name}Sums: array<${typeOf(name)}, ${partsOf(name) / lanes}>;`);
  }

  /** What was found of a row of scores. */
  function findRow(row: string): void {
    writer.line(`let row_${row} = rowOf(${scoreHead}, ${row});`);
    if (products.length > 1) writer.line(`let mean_${row} = meanOf(${scoreHead}, ${row});`);
  }

  function meet(others: number): void {
    const isWhole = others % wide === 0;
    const within = (place: string): string => (isWhole ? place : `min(${place}, ${others - 1}u)`);
    for (const j of block) writer.line(`let met${j} = ${within(j === 0 ? 'met' : `met + ${j}u`)};`);
    if (readers === 'subgroup') writer.line(`let read = ${within(`met + lane % ${wide}u`)};`);
    if (readers === 'group') bring(others);
    products.forEach(multiply);
    if (lanes > 1) addShares();
    const isBehind = (j: number): string | undefined =>
      isWhole || j === 0 ? undefined : `met + ${j}u >= ${others}u`;
    if (isForward) weigh(isBehind);
    else {
      if (!isByQuery) for (const j of block) findRow(`met${j}`);
      for (const j of block) differentiate(j, isBehind(j));
    }
    sums.forEach(addUp);
    if (readers === 'group') writer.line('workgroupBarrier();');
  }

  /** Threads side by side bring what is side by side in memory. */
  function bring(others: number): void {
    for (const name of met) {
      const parts = partsOf(name);
      writer.block(`for (var i = local; i < ${wide * parts}u; i += ${threads}u)`, () => {
        writer.line(
          `${name}Tile[i] = ${name}Part(${headOf(name)}, min(met + i / ${parts}u, ${others - 1}u), i % ${parts}u);`,
        );
      });
    }
    writer.line('workgroupBarrier();');
  }

  /** The parts of what is met, at `part`. */
  function partsMet(name: AttentionOperand): string[] {
    if (readers === 'subgroup') {
      const read = writer.name(`${name}Part(${headOf(name)}, read, part)`, 'read');
      return block.map((j) => writer.name(`subgroupBroadcast(${read}, ${j}u)`, 'x'));
    }
    return block.map((j) => {
      const shared = `${name}Tile[${j * partsOf(name)}u + part]`;
      const alone = `${name}Part(${headOf(name)}, met${j}, part)`;
      return writer.name(readers === 'group' ? shared : alone, 'x');
    });
  }

  function multiply({ held, met: other }: WalkProduct, product: number): void {
    for (const j of block) writer.line(`var ${productName(product, j)} = 0.0;`);
    const isVector = vectorWidth(lengthOf(held, sides)) > 1;
    alongParts(held, () => {
      writer.line(`let mine = ${held}Held[p];`);
      partsMet(other).forEach((x, j) => {
        writer.line(
          `${productName(product, j)} += ${isVector ? `dot(mine, ${x})` : `mine * ${x}`};`,
        );
      });
    });
  }

  /** Each thread of an owner has a share of each product: all get the sum. */
  function addShares(): void {
    const cells = products.flatMap((_, product) => block.map((j) => productName(product, j)));
    cells.forEach((name, cell) => {
      writer.line(`shares[${cell * threads}u + local] = ${name};`);
    });
    writer.line('workgroupBarrier();');
    writer.line('let team = local - member;');
    cells.forEach((name, cell) => {
      const terms = Array.from(
        { length: lanes },
        (_, other) => `shares[${cell * threads + other}u + team]`,
      );
      writer.line(`${name} = ${terms.join(' + ')};`);
    });
  }

  /** Brings the sums to the largest score so far, and has the weights of the block by that. */
  function weigh(isBehind: (j: number) => string | undefined): void {
    const scores = block.map((j) =>
      writer.name(`scoreOf(${pair(j)}, ${productName(0, j)})`, 'score'),
    );
    writer.line(`let next = ${scores.reduce((a, b) => `max(${a}, ${b})`, 'most')};`);
    writer.line('let shrink = exponential(most - next);');
    writer.line('most = next;');
    const powers = scores.map((score, j) => {
      const power = `exponential(${score} - next)`;
      const behind = isBehind(j);
      return writer.name(
        behind === undefined ? power : `select(${power}, 0.0, ${behind})`,
        'power',
      );
    });
    writer.line(`total = total * shrink + (${powers.join(' + ')});`);
    if (sums.length > 0)
      powers.forEach((power, j) => {
        writer.line(`let weight${j} = ${afterDropout(j, power)};`);
      });
  }

  /** The weight of a pair again, and the derivative by its score, as far as they are summed with. */
  function differentiate(j: number, behind: string | undefined): void {
    const row = ofRow(j, 'row');
    const score = `scoreOf(${pair(j)}, ${productName(0, j)})`;
    const weight = writer.name(`exponential(${score} - ${row}.x) * ${row}.y`, 'share');
    const unless = (conditions: readonly (string | undefined)[], text: string): string => {
      const known = conditions.filter((condition) => condition !== undefined);
      return known.length === 0 ? text : `select(${text}, 0.0, ${known.join(' || ')})`;
    };
    if (sums.some(({ by }) => by === 'weight'))
      writer.line(`let weight${j} = ${unless([behind], afterDropout(j, weight))};`);
    if (products.length === 1) return;
    const slope = `${weight} * (${afterDropout(j, productName(1, j))} - ${ofRow(j, 'mean')})`;
    const isHidden = seen === undefined ? undefined : `!isSeen(${pair(j)})`;
    writer.line(`let slope${j} = ${unless([isHidden, behind], slope)};`);
  }

  function afterDropout(j: number, x: string): string {
    return dropout === undefined ? x : `afterDropout(${pair(j)}, ${x})`;
  }

  function addUp({ met: name, by }: WalkSum): void {
    alongParts(name, () => {
      const terms = partsMet(name).map((x, j) => `${by}${j} * ${x}`);
      const kept = isForward ? `${name}Sums[p] * shrink` : `${name}Sums[p]`;
      writer.line(`${name}Sums[p] = ${[kept, ...terms].join(' + ')};`);
    });
  }

  function isAnyBlind(): string {
    const own = `most - ${excluded} < ${vanishing}`;
    if (readers === 'thread') return own;
    writer.line(`blind[local] = u32(${own});`);
    writer.line('workgroupBarrier();');
    writer.block('if (local == 0u)', () => {
      writer.block(`for (var other = 1u; other < ${threads}u; other++)`, () => {
        writer.line('blind[0] |= blind[other];');
      });
    });
    return 'workgroupUniformLoad(&blind[0]) != 0u';
  }

  function finish(count: number, rows: number | undefined): void {
    writer.block(`if (place < ${count}u)`, () => {
      if (rows !== undefined) {
        if (lanes > 1) writer.block('if (member == 0u)', () => storeRow(rows));
        else storeRow(rows);
      }
      const [first] = sums;
      if (first === undefined) return;
      const scale = literalText('f32', step.attributes.scale);
      const width = vectorWidth(lengthOf(first.met, sides));
      alongParts(first.met, () => {
        const names = sums.map(({ met: name, by }) => {
          const after = isForward ? ' / total' : by === 'weight' ? '' : ` * ${scale}`;
          return writer.name(`${name}Sums[p]${after}`, 'sum');
        });
        for (let c = 0; c < width; c++) {
          const n = width === 1 ? 'part' : `part * ${width}u + ${c}u`;
          const elements = names.map((name) => (width === 1 ? name : `${name}[${c}]`));
          writer.line(`finish(z, own, ${n}, ${elements.join(', ')});`);
        }
      });
    });
  }

  function storeRow(rows: number): void {
    const { shape } = values.type(rows);
    const { batch, heads, queries } = sides;
    ['most', 'total'].forEach((text, number) => {
      const row = [
        variablePlace('z', batch * heads - 1),
        variablePlace('own', queries - 1),
        constantPlace(number),
      ];
      writer.storeElement(rows, flatPlace(row, [batch * heads, queries, shape[3] ?? 2]), text);
    });
  }
}

function productName(product: number, j: number): string {
  return `${product === 0 ? 'product' : 'outer'}${j}`;
}
