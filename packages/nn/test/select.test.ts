import { isAdaptable, Linear, matcher, nearestOf, selectPaths } from '@lorikeet/nn';
import { tensor } from '@lorikeet/tensor-core';
import { describe, expect, test } from 'vitest';
import { refusal } from './support.ts';

const candidates = [
  'embeddings.word',
  ...[0, 1, 2, 3, 10].flatMap((i) =>
    ['attention.self.query', 'attention.self.value', 'output.dense'].map(
      (name) => `encoder.layer.${i}.${name}`,
    ),
  ),
  'query',
];

describe('a selector', () => {
  test.each<[selector: string, fits: string, not: string]>([
    ['a.b.c', 'a.b.c', 'a.b.c.d'],
    ['a.b.c', 'a.b.c', 'axb.c'],
    ['a.*.c', 'a.b.c', 'a.b.b.c'],
    ['*', 'a', 'a.b'],
    ['**', 'a.b', ''],
    ['**.c', 'a.b.c', 'a.b.cc'],
    ['**.c', 'c', 'c.a'],
    ['a.**', 'a.b.c', 'b.a'],
    ['a.**.d', 'a.d', 'a.b.c.dd'],
    ['**.{b,c}', 'a.c', 'a.d'],
    ['a.{0..2}.b', 'a.2.b', 'a.3.b'],
    ['a.{0..2}.b', 'a.0.b', 'a.02.b'],
    ['a.{9..11}.b', 'a.10.b', 'a.1.b'],
    ['a.{11..9}.b', 'a.10.b', 'a.12.b'],
    ['a.{7..7}.b', 'a.7.b', 'a.{7..7}.b'],
    ['a.{{0..2},x}.b', 'a.x.b', 'a.3.b'],
    ['a.b?', 'a.bc', 'a.b'],
    ['a.b*', 'a.bcd', 'a.b.c'],
    ['!a', '!a', 'b'],
    ['a.!(b)', 'a.!(b)', 'a.c'],
    ['lora_A', 'lora_A', 'lora_a'],
  ])('%s fits %s and not %s', (selector, fits, not) => {
    expect(matcher(selector)(fits)).toBe(true);
    expect(matcher(selector)(not)).toBe(false);
  });

  test('must not be empty', () => {
    expect(() => matcher('')).toThrow(refusal('invalid-argument', "'**' selects everything"));
  });
});

describe('selectPaths', () => {
  test.each<[selector: string, count: number]>([
    ['**.query', 6],
    ['**.{query,value}', 11],
    ['encoder.layer.{0..2}.output.dense', 3],
    ['encoder.layer.{0,10}.**', 6],
    ['encoder.layer.*.output.dense', 5],
    ['encoder.layer.1?.output.dense', 1],
    ['query', 1],
    ['**', 17],
  ])('%s chooses %i paths', (selector, count) => {
    expect(selectPaths(selector, candidates)).toHaveLength(count);
  });

  test.each<[selector: string, missing: string]>([
    ['**.{query,vlaue}', 'vlaue'],
    ['encoder.layer.{0..4}.**', '4'],
    ['encoder.layer.{0,10}.{output.dense,attention.self.key}', 'attention.self.key'],
    ['**.{attention.self.{query,kye},output.dense}', 'kye'],
    ['**.{query,}x', 'query'],
  ])('%s is refused for %s, which fits nothing', (selector, missing) => {
    const part =
      missing === 'query' ? `the selector '${selector}'` : `'${missing}' in the selector`;
    expect(() => selectPaths(selector, candidates)).toThrow(refusal('no-match', part));
  });

  test('takes lists of which not every combination is there', () => {
    expect(selectPaths('{encoder,embeddings}.{layer.0.output.dense,word}', candidates)).toEqual([
      'embeddings.word',
      'encoder.layer.0.output.dense',
    ]);
  });

  test('keeps the order of the paths', () => {
    expect(selectPaths('encoder.layer.{2..1}.*.*.query', candidates)).toEqual([
      'encoder.layer.1.attention.self.query',
      'encoder.layer.2.attention.self.query',
    ]);
  });

  test('refuses a selector that matches nothing, and names what is near', () => {
    expect(() => selectPaths('**.qeury', candidates)).toThrow(
      refusal(
        'no-match',
        [
          "the selector '**.qeury' matches nothing",
          '  expected: at least one path of the tree',
          '  received: none of 17 paths',
          "  hint:     did you mean 'query', ",
        ].join('\n'),
      ),
    );
    expect(() => selectPaths('**', [])).toThrow(
      refusal('no-match', 'there is nothing to choose from'),
    );
  });
});

describe('nearestOf', () => {
  test('names the candidates that look most like the wanted, the nearest first', () => {
    expect(nearestOf('valu', ['query', 'values', 'value', 'key'], 2)).toBe(
      "did you mean 'value', 'values'?",
    );
  });

  test('names at most three, and none twice', () => {
    expect(nearestOf('a', ['b', 'b', 'c', 'd', 'e'])).toBe("did you mean 'b', 'c', 'd'?");
  });

  test('looks at the end of long paths', () => {
    const deep = 'bert.encoder.layer.0.attention.self.querry';
    expect(nearestOf('self.query', ['self.quux', deep], 1)).toBe(`did you mean '${deep}'?`);
  });

  test('says so if there is nothing to choose from', () => {
    expect(nearestOf('a', [])).toBe('there is nothing to choose from');
  });
});

test('a module that declares a site is adaptable, and nothing else', () => {
  expect(isAdaptable(new Linear(tensor([[1]]), null))).toBe(true);
  expect(isAdaptable({ site: { field: 'weight', kind: 'linear', inputAxis: 1 } })).toBe(true);
  for (const other of [null, undefined, 1, 'site', {}, { site: null }, { site: 'here' }])
    expect(isAdaptable(other)).toBe(false);
});
