import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';
import { expect, test } from 'vitest';

test('a fault of our own says so', () => {
  const error = new LorikeetError('internal', 'this cannot be');
  expect(error.message).toBe('internal: this cannot be');
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
  expect(error.message).toMatchInlineSnapshot(`
    "the loss is NaN
      at:       classifier.weight
      expected: a number
      received: NaN
      hint:     lower the learning rate"
  `);
  expect(error).toMatchObject({ code: 'not-finite', path: 'classifier.weight', cause });
  expect(isLorikeetError(error, 'not-finite')).toBe(true);
  expect(isLorikeetError(error, 'internal')).toBe(false);
  expect(isLorikeetError(cause)).toBe(false);
});
