import { isLorikeetError } from '@lorikeet/tensor-core';

/** The text of every error, each under its code, without the line that led to it. */
export async function textsOf(calls: readonly (() => unknown)[]): Promise<string> {
  const texts: string[] = [];
  for (const call of calls) {
    try {
      await call();
      texts.push(`NOTHING WAS THROWN by ${call}`);
    } catch (error) {
      const text = isLorikeetError(error) ? `[${error.code}] ${error.message}` : String(error);
      texts.push(text.replace(/\n {2}from: .*/, ''));
    }
  }
  return texts.join('\n');
}
