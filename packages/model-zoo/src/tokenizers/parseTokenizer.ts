import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';

/** The content of a file of a tokenizer. Throws `invalid-file`. */
export function parseTokenizer<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const refuse = (received: string, cause?: unknown): LorikeetError =>
    new LorikeetError('invalid-file', 'the tokenizer of the model cannot be used', {
      path,
      expected: 'the file as Hugging Face writes it',
      received: received.slice(0, 500),
      cause,
    });
  try {
    const result = schema.safeParse(json);
    if (result.success) return result.data;
    throw refuse(z.prettifyError(result.error));
  } catch (cause) {
    // Parts within parts without end overflow the stack.
    if (cause instanceof RangeError) throw refuse(cause.message, cause);
    throw cause;
  }
}
