import { excludedScore } from '../../../attentionWeights.ts';
import { flatPlace } from '../codegen/coordinates.ts';
import { constantPlace, variablePlace } from '../codegen/place.ts';
import { literalText } from '../codegen/scalars.ts';
import type { AttentionOperand, AttentionSides, AttentionStep } from '../schedule/attentionStep.ts';
import type { AttentionWalk, WalkProduct } from '../schedule/attentionWalk.ts';
import { type AttentionFunctions, vectorType } from './attentionFunctions.ts';
import { type AttentionTile, vectorWidth } from './attentionTiles.ts';
import type { EmitArguments } from './kernelText.ts';

interface BlockOptions {
  readonly step: AttentionStep;
  readonly sides: AttentionSides;
  readonly tile: AttentionTile;
  readonly walk: AttentionWalk;
  readonly functions: AttentionFunctions;
  /** Whether sums are wanted, and not only the extrema and sums of rows. */
  readonly sums: boolean;
}

/** What a thread of attention has of its owners, and what it does with a block of what it meets. */
export interface AttentionBlock {
  readonly declarations: readonly string[];
  /** Reads what the owners have, and begins their sums. */
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

export function attentionBlock(args: EmitArguments, options: BlockOptions): AttentionBlock {
  const { writer, values } = args;
  const { step, sides, tile, walk, functions } = options;
  const { lanes, tall, wide, threads, isShared } = tile;
  const isByQuery = walk.owner === 'query';
  const isForward = step.goal === 'result' || step.goal === 'rows';
  const summed = options.sums ? walk.summed : undefined;
  const share = sides.heads / sides.groups;
  const owners = Array.from({ length: tall }, (_, i) => i);
  const block = Array.from({ length: wide }, (_, j) => j);
  const products = walk.slope === undefined ? [walk.score] : [walk.score, walk.slope];
  const met = [
    ...new Set([...products.map((product) => product.met), ...(summed ? [summed] : [])]),
  ];
  const lengthOf = (name: AttentionOperand): number =>
    name === 'value' || name === 'gradient' ? sides.width : sides.size;
  const partsOf = (name: AttentionOperand): number => lengthOf(name) / vectorWidth(lengthOf(name));
  const ownParts = (name: AttentionOperand): number[] =>
    Array.from({ length: partsOf(name) / lanes }, (_, p) => p);
  const partText = (p: number): string =>
    lanes === 1 ? `${p}u` : p === 0 ? 'lane' : `${p * lanes}u + lane`;
  // Heads of keys and values are z / share where those of queries are z.
  const headOf = (name: AttentionOperand): string => {
    const isOfKeys = name === 'key' || name === 'value';
    if (share === 1) return 'z';
    if (isByQuery) return isOfKeys ? `z / ${share}u` : 'z';
    return isOfKeys ? 'z' : 'head';
  };
  const scoreHead = isByQuery || share === 1 ? 'z' : 'head';
  const pair = (i: number, j: number): string =>
    isByQuery ? `${scoreHead}, own${i}, met${j}` : `${scoreHead}, met${j}, own${i}`;
  const statistic = (i: number, j: number, name: string): string =>
    `${name}${isByQuery ? `own${i}` : `met${j}`}`;
  const query = values.type(step.operands.get('query') ?? -1);
  const excluded = literalText('f32', excludedScore(query.dtype));

  const names = [...new Set([...met, ...products.map(({ held }) => held)])];
  const seen = functions.seen();
  const dropout = functions.dropout();
  const declarations = [
    ...(isShared
      ? met.map(
          (name) =>
            `var<workgroup> ${name}Tile: array<${vectorType(lengthOf(name))}, ${wide * partsOf(name)}>;`,
        )
      : []),
    ...(lanes > 1
      ? [`var<workgroup> parts: array<f32, ${products.length * tall * wide * threads}>;`]
      : []),
    ...names.map((name) => functions.part(name)),
    ...(isForward ? [] : [functions.row()]),
    ...(products.length > 1 ? [functions.mean()] : []),
    ...(seen === undefined ? [] : [seen]),
    functions.score(),
    ...(dropout === undefined ? [] : [dropout]),
  ];

  return { declarations, begin, meet, isAnyBlind, finish };

  function begin(): void {
    for (const i of owners) {
      for (const { held } of products)
        for (const p of ownParts(held)) {
          const part = `${held}Part(${headOf(held)}, own${i}, ${partText(p)})`;
          const scaled =
            held === walk.score.held ? ` * ${literalText('f32', step.attributes.scale)}` : '';
          writer.line(`let ${held}${i}_${p} = ${part}${scaled};`);
        }
      if (isForward) {
        writer.line(`var most${i} = ${lowest};`);
        writer.line(`var total${i} = 0.0;`);
      } else if (isByQuery) statisticsOf(`own${i}`);
      if (summed !== undefined)
        for (const p of ownParts(summed))
          writer.line(`var sum${i}_${p} = ${vectorType(lengthOf(summed))}(0.0);`);
    }
  }

  /** What was found of a row of scores. */
  function statisticsOf(row: string): void {
    writer.line(`let row_${row} = rowOf(${scoreHead}, ${row});`);
    if (products.length > 1) writer.line(`let mean_${row} = meanOf(${scoreHead}, ${row});`);
  }

  function meet(others: number): void {
    const isWhole = others % wide === 0;
    for (const j of block) {
      const place = j === 0 ? 'met' : `met + ${j}u`;
      writer.line(`let met${j} = ${isWhole ? place : `min(${place}, ${others - 1}u)`};`);
    }
    if (isShared) bring(others);
    products.forEach(multiply);
    if (lanes > 1) addLanes();
    const isBehind = (j: number): string | undefined =>
      isWhole || j === 0 ? undefined : `met + ${j}u >= ${others}u`;
    if (isForward) for (const i of owners) weigh(i, isBehind);
    else {
      if (!isByQuery) for (const j of block) statisticsOf(`met${j}`);
      for (const i of owners) for (const j of block) differentiate(i, j, isBehind(j));
    }
    if (summed !== undefined) addUp(summed);
    if (isShared) writer.line('workgroupBarrier();');
  }

  /** Threads side by side bring what is side by side in memory. */
  function bring(others: number): void {
    for (const name of met) {
      const parts = partsOf(name);
      const count = wide * parts;
      const body = (): void => {
        writer.line(
          `${name}Tile[i] = ${name}Part(${headOf(name)}, min(met + i / ${parts}u, ${others - 1}u), i % ${parts}u);`,
        );
      };
      writer.block(`for (var i = local; i < ${count}u; i += ${threads}u)`, body);
    }
    writer.line('workgroupBarrier();');
  }

  function vectorMet(name: AttentionOperand, j: number, p: number): string {
    if (!isShared) return `${name}Part(${headOf(name)}, met${j}, ${partText(p)})`;
    const parts = partsOf(name);
    return `${name}Tile[${j * parts}u + ${partText(p)}]`;
  }

  function multiply({ held, met: other }: WalkProduct, product: number): void {
    for (const i of owners)
      for (const j of block) writer.line(`var ${productName(product, i, j)} = 0.0;`);
    const isVector = vectorWidth(lengthOf(held)) > 1;
    for (const p of ownParts(held))
      for (const j of block) {
        const x = writer.name(vectorMet(other, j, p), 'x');
        for (const i of owners) {
          const own = `${held}${i}_${p}`;
          const text = isVector ? `dot(${own}, ${x})` : `${own} * ${x}`;
          writer.line(`${productName(product, i, j)} += ${text};`);
        }
      }
  }

  /** Each thread of an owner has a part of each product: all get the sum. */
  function addLanes(): void {
    const cells = products.flatMap((_, product) =>
      owners.flatMap((i) => block.map((j) => productName(product, i, j))),
    );
    cells.forEach((name, cell) => {
      writer.line(`parts[${cell * threads}u + local] = ${name};`);
    });
    writer.line('workgroupBarrier();');
    writer.line('let team = local - lane;');
    cells.forEach((name, cell) => {
      const terms = Array.from(
        { length: lanes },
        (_, other) => `parts[${cell * threads + other}u + team]`,
      );
      writer.line(`${name} = ${terms.join(' + ')};`);
    });
  }

  /** Brings the sums of an owner to the largest score so far, and has the weights of the block by that. */
  function weigh(i: number, isBehind: (j: number) => string | undefined): void {
    const scores = block.map((j) =>
      writer.name(`scoreOf(${pair(i, j)}, ${productName(0, i, j)})`, 'score'),
    );
    const most = scores.reduce((a, b) => `max(${a}, ${b})`, `most${i}`);
    writer.line(`let next${i} = ${most};`);
    writer.line(`let shrink${i} = exp(most${i} - next${i});`);
    writer.line(`most${i} = next${i};`);
    const powers = scores.map((score, j) => {
      const power = `exp(${score} - next${i})`;
      const behind = isBehind(j);
      return writer.name(
        behind === undefined ? power : `select(${power}, 0.0, ${behind})`,
        'power',
      );
    });
    writer.line(`total${i} = total${i} * shrink${i} + (${powers.join(' + ')});`);
    if (summed !== undefined)
      powers.forEach((power, j) => {
        writer.line(`let weight${i}_${j} = ${afterDropout(i, j, power)};`);
      });
  }

  /** The derivative by a score, or, for that by the value, the weight. */
  function differentiate(i: number, j: number, behind: string | undefined): void {
    const score = `scoreOf(${pair(i, j)}, ${productName(0, i, j)})`;
    const row = statistic(i, j, 'row_');
    const weight = writer.name(`exp(${score} - ${row}.x) * ${row}.y`, 'weight');
    let slope = afterDropout(i, j, weight);
    const conditions: string[] = [];
    if (products.length > 1) {
      const mean = statistic(i, j, 'mean_');
      slope = `${weight} * (${afterDropout(i, j, productName(1, i, j))} - ${mean})`;
      if (seen !== undefined) conditions.push(`!isSeen(${pair(i, j)})`);
    }
    if (behind !== undefined) conditions.push(behind);
    const text =
      conditions.length === 0 ? slope : `select(${slope}, 0.0, ${conditions.join(' || ')})`;
    writer.line(`let weight${i}_${j} = ${text};`);
  }

  function afterDropout(i: number, j: number, x: string): string {
    return dropout === undefined ? x : `afterDropout(${pair(i, j)}, ${x})`;
  }

  function addUp(name: AttentionOperand): void {
    for (const p of ownParts(name)) {
      const vectors = block.map((j) => writer.name(vectorMet(name, j, p), 'y'));
      for (const i of owners) {
        const terms = vectors.map((vector, j) => `weight${i}_${j} * ${vector}`).join(' + ');
        const kept = isForward ? `sum${i}_${p} * shrink${i}` : `sum${i}_${p}`;
        writer.line(`sum${i}_${p} = ${kept} + ${terms};`);
      }
    }
  }

  function isAnyBlind(): string {
    const own = owners.map((i) => `most${i} - ${excluded} < ${vanishing}`).join(' || ');
    if (!isShared) return own;
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
    for (const i of owners)
      writer.block(`if (place${i} < ${count}u)`, () => {
        if (rows !== undefined) {
          const store = (): void => storeRow(rows, i);
          if (lanes > 1) writer.block('if (lane == 0u)', store);
          else store();
        }
        if (summed === undefined) return;
        const scale = literalText('f32', step.attributes.scale);
        const after =
          step.goal === 'result' ? ` / total${i}` : step.goal === 'value' ? '' : ` * ${scale}`;
        const width = vectorWidth(lengthOf(summed));
        for (const p of ownParts(summed))
          for (let c = 0; c < width; c++) {
            const sum = width === 1 ? `sum${i}_${p}` : `sum${i}_${p}[${c}]`;
            const n = lanes === 1 ? `${p * width + c}u` : `(${partText(p)}) * ${width}u + ${c}u`;
            writer.line(`finish(z, own${i}, ${n}, ${sum}${after});`);
          }
      });
  }

  function storeRow(rows: number, i: number): void {
    const { shape } = values.type(rows);
    const { batch, heads, queries } = sides;
    [`most${i}`, `total${i}`].forEach((text, number) => {
      const row = [
        variablePlace('z', batch * heads - 1),
        variablePlace(`own${i}`, queries - 1),
        constantPlace(number),
      ];
      writer.storeElement(rows, flatPlace(row, [batch * heads, queries, shape[3] ?? 2]), text);
    });
  }
}

function productName(product: number, i: number, j: number): string {
  return `${product === 0 ? 'product' : 'slope'}${i}_${j}`;
}
