import { collate } from '@lorikeet/train/data';
import { describe, expect, test } from 'vitest';

const values = async (tensor: { data(): Promise<ArrayLike<number>> }): Promise<number[]> => [
  ...Array.from(await tensor.data()),
];

describe('collate', () => {
  const rows = [
    { input_ids: [5, 6, 7], labels: [1, -100, 2], start_positions: 1 },
    { input_ids: [8], labels: [3], start_positions: 0 },
  ];

  test('pads lists with what suits the field, adds the mask, and counts tokens', async () => {
    const { inputs, tokens } = collate(rows, { padId: 9, multiple: 4 });
    expect(tokens).toBe(4);
    expect(inputs.input_ids.shape).toEqual([2, 4]);
    expect(await values(inputs.input_ids)).toEqual([5, 6, 7, 9, 8, 9, 9, 9]);
    expect(await values(inputs.attention_mask)).toEqual([1, 1, 1, 0, 1, 0, 0, 0]);
    expect(await values(inputs.labels)).toEqual([1, -100, 2, -100, 3, -100, -100, -100]);
    expect(inputs.start_positions.shape).toEqual([2]);
  });

  test('pads on the left, and rounds no length above what the model reads', async () => {
    const { inputs } = collate(rows, { padId: 0, multiple: 16, maxLength: 5, side: 'left' });
    expect(await values(inputs.input_ids)).toEqual([0, 0, 5, 6, 7, 0, 0, 0, 0, 8]);
    expect(await values(inputs.attention_mask)).toEqual([0, 0, 1, 1, 1, 0, 0, 0, 0, 1]);
  });

  test('keeps real numbers of the fields that are named', async () => {
    const scored = [{ input_ids: [1], labels: 2.5 }];
    const { inputs } = collate(scored, { padId: 0, floats: ['labels'] });
    expect(inputs.labels.dtype).toBe('f32');
    expect(await values(inputs.labels)).toEqual([2.5]);
    expect(() => collate(scored, { padId: 0 })).toThrow("{ floats: ['labels'] }");
  });

  test('refuses rows longer than the model, without tokens, and with other fields', () => {
    expect(() => collate(rows, { padId: 0, maxLength: 2 })).toThrow(
      'input_ids is longer than the model can read',
    );
    expect(() => collate([{ input_ids: [] }], { padId: 0 })).toThrow(
      'row 0 of the batch has no token',
    );
    const mixed: { input_ids: number[]; labels?: number }[] = [
      { input_ids: [1], labels: 0 },
      { input_ids: [1] },
    ];
    expect(() => collate(mixed as { input_ids: number[]; labels: number }[], { padId: 0 })).toThrow(
      'the rows of a batch have different fields',
    );
  });
});
