import { describe, expect, test } from 'vitest';
import { readMail } from '../src/mail.ts';
import { tokenizerOf, wordPieceFile } from '../src/wordPiece.ts';

describe('the corpus', () => {
  test('holds real spam and ham, every text once, without the headers', async () => {
    const mails = await readMail();
    expect(mails.length).toBeGreaterThan(5500);
    expect(new Set(mails.map(({ text }) => text)).size).toBe(mails.length);
    const spam = mails.filter(({ isSpam }) => isSpam).length;
    expect(spam).toBeGreaterThan(1500);
    expect(spam).toBeLessThan(mails.length / 2);
    const revealing = mails.filter(({ text }) =>
      /^(Received|Return-Path|Delivered-To):/.test(text),
    );
    expect(revealing.length).toBeLessThan(5);
  });
});

describe('the tokenizer', () => {
  const texts = Array.from({ length: 30 }, () => 'Buy now! The cat sat, the dog ran.');
  const tokenizer = tokenizerOf(wordPieceFile(texts, 60));

  test('knows frequent words whole, spells others, and frames the text', () => {
    expect(tokenizer.encode('The cat sat').tokens).toEqual(['[CLS]', 'the', 'cat', 'sat', '[SEP]']);
    expect(tokenizer.encode('tact').tokens).toEqual(['[CLS]', 't', '##a', '##c', '##t', '[SEP]']);
    expect(tokenizer.encode('Ω').tokens).toEqual(['[CLS]', '[UNK]', '[SEP]']);
  });

  test('has no more tokens than asked for', () => {
    expect(
      Object.keys((wordPieceFile(texts, 20) as { model: { vocab: object } }).model.vocab),
    ).toHaveLength(20);
  });
});
