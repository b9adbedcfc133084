import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

test('a fault of our own says so', () => {
  const error = new LorikeetError('internal', 'this cannot be');
  expect(error.message).toMatch(/^internal: this cannot be\n/);
  expect(error.summary).toBe('this cannot be');
});

test('the facts of an error are fields', () => {
  const cause = new Error('why');
  const error = new LorikeetError('not-finite', 'the loss is NaN', {
    path: 'classifier.weight',
    expected: 'a number',
    received: 'NaN',
    hint: 'lower the learning rate',
    cause,
  });
  expect(
    error.message.replace(/from: .*\//, 'from:     ').replace(/[0-9]+:[0-9]+$/, 'LINE'),
  ).toMatchInlineSnapshot(`
    "the loss is NaN
      at:       classifier.weight
      expected: a number
      received: NaN
      hint:     lower the learning rate
      from:     lorikeetError.test.ts:LINE"
  `);
  expect(error).toMatchObject({ code: 'not-finite', path: 'classifier.weight', cause });
  expect(isLorikeetError(error, 'not-finite')).toBe(true);
  expect(isLorikeetError(error, 'internal')).toBe(false);
  expect(isLorikeetError(cause)).toBe(false);
});
