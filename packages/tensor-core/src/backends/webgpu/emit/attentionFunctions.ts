import { excludedScore } from '../../../attentionWeights.ts';
import { coordinatesAt, flatPlace } from '../codegen/coordinates.ts';
import { broadcastCoordinates } from '../codegen/inlineRules.ts';
import {
  constantPlace,
  dividePlace,
  type Place,
  placeText,
  remainderOfPlace,
  scalePlace,
  shiftPlace,
  variablePlace,
} from '../codegen/place.ts';
import { literalText } from '../codegen/scalars.ts';
import type { AttentionOperand, AttentionSides, AttentionStep } from '../schedule/attentionStep.ts';
import { vectorWidth } from './attentionTiles.ts';
import type { EmitArguments } from './kernelText.ts';

/** The functions of a kernel of attention, by the parts of its meaning. Queries have heads `z`, as rows of scores have. */
export interface AttentionFunctions {
  /** `queryPart(z, m, part)`, and so on: a few numbers in a row of an operand's vector. */
  part(name: AttentionOperand): string;
  /** `rowOf(z, t) -> vec2<f32>`, the largest of a row of scores and 1 / sum; `meanOf(z, t)`. */
  row(): string;
  mean(): string;
  /** `isSeen(z, t, s)`, or nothing if each query sees all keys. */
  seen(): string | undefined;
  /** `scoreOf(z, t, s, product)`. */
  score(): string;
  /** `afterDropout(z, t, s, x)`, or nothing. */
  dropout(): string | undefined;
}

const signature = 'z: u32, t: u32, s: u32';

export function attentionFunctions(
  { values, writer }: EmitArguments,
  { operands, attributes }: AttentionStep,
  sides: AttentionSides,
): AttentionFunctions {
  const numberOf = (name: AttentionOperand): number => operands.get(name) ?? -1;
  const { batch, heads, groups, queries, keys } = sides;
  const excluded = literalText('f32', excludedScore(values.type(numberOf('query')).dtype));
  const query = variablePlace('t', queries - 1);
  const key = variablePlace('s', keys - 1);
  const headPlaces = coordinatesAt(variablePlace('z', batch * heads - 1), [batch, heads]);
  const scorePlaces: readonly Place[] = [...headPlaces, query, key];
  const elementOfScores = (name: AttentionOperand): string => {
    const value = numberOf(name);
    return writer.element(value, broadcastCoordinates(scorePlaces, values.type(value).shape));
  };
  const seenConditions = (): string[] => {
    const { causal, window, masked } = attributes;
    const position = `i32(t) + ${keys - queries}`;
    const ahead = causal ? 1 : window;
    return [
      ...(ahead === null ? [] : [`${position} + ${ahead} > i32(s)`]),
      ...(window === null ? [] : [`${position} - ${window} < i32(s)`]),
      ...(masked ? [elementOfScores('mask')] : []),
    ];
  };
  const seesAll = !attributes.causal && attributes.window === null && !attributes.masked;

  return {
    part(name) {
      const value = numberOf(name);
      const [, count = 0, rows = 0, length = 0] = values.type(value).shape;
      const width = vectorWidth(length);
      const isOfKeys = name === 'key' || name === 'value';
      const head = variablePlace('z', batch * (isOfKeys ? groups : heads) - 1);
      const at = [...coordinatesAt(head, [batch, count]), variablePlace('m', rows - 1)];
      const part = scalePlace(variablePlace('part', length / width - 1), width);
      const type = vectorType(length);
      if (width === 4 && writer.hasVectors(value)) writer.readInVectors(value);
      return writer.functionBlock(`fn ${name}Part(z: u32, m: u32, part: u32) -> ${type}`, () => {
        const numbers = Array.from({ length: width }, (_, i) =>
          writer.element(value, [...at, shiftPlace(part, i)]),
        );
        writer.line(`return ${type}(${numbers.join(', ')});`);
      });
    },
    row: () =>
      writer.functionBlock('fn rowOf(z: u32, t: u32) -> vec2<f32>', () => {
        const [most, total] = [0, 1].map((i) =>
          writer.element(numberOf('rows'), [...headPlaces, query, constantPlace(i)]),
        );
        writer.line(`return vec2<f32>(${most}, 1.0 / ${total});`);
      }),
    mean: () =>
      writer.functionBlock('fn meanOf(z: u32, t: u32) -> f32', () => {
        writer.line(`return ${writer.element(numberOf('mean'), [...headPlaces, query])};`);
      }),
    seen() {
      if (seesAll) return undefined;
      return writer.functionBlock(`fn isSeen(${signature}) -> bool`, () => {
        writer.line(`return ${seenConditions().join(' && ')};`);
      });
    },
    score: () =>
      writer.functionBlock(`fn scoreOf(${signature}, product: f32) -> f32`, () => {
        let score = 'product';
        if (attributes.biased)
          score = writer.name(`product + larger(${elementOfScores('bias')}, ${excluded})`);
        writer.line(
          seesAll ? `return ${score};` : `return select(${excluded}, ${score}, isSeen(z, t, s));`,
        );
      }),
    dropout() {
      const rate = attributes.dropout;
      if (rate === 0) return undefined;
      return writer.functionBlock(`fn afterDropout(${signature}, x: f32) -> f32`, () => {
        const words = [0, 1].map((i) => writer.element(numberOf('dropout'), [constantPlace(i)]));
        const place = flatPlace(scorePlaces, [batch, heads, queries, keys]);
        const counter = placeText(dividePlace(place, 2));
        const isSecond = `${placeText(remainderOfPlace(place, 2))} == 1u`;
        const bits = writer.name(`threefry(${words.join(', ')}, 0u, ${counter}, ${isSecond})`);
        const number = writer.name(`f32(${bits} >> 8u) * ${literalText('f32', 2 ** -24)}`);
        const kept = `x * ${literalText('f32', 1 / (1 - rate))}`;
        writer.line(`return select(0.0, ${kept}, ${number} < ${literalText('f32', 1 - rate)});`);
      });
    },
  };
}

export function vectorType(length: number): string {
  const width = vectorWidth(length);
  return width === 1 ? 'f32' : `vec${width}<f32>`;
}
