import { isLorikeetError } from '@lorikeet/tensor-core';

/** The text of every error, each under its code. */
export async function textsOf(calls: readonly (() => unknown)[]): Promise<string> {
  const texts: string[] = [];
  for (const call of calls) {
    try {
      await call();
      texts.push(`NOTHING WAS THROWN by ${call}`);
    } catch (error) {
      texts.push(isLorikeetError(error) ? `[${error.code}] ${error.message}` : String(error));
    }
  }
  return texts.join('\n');
}
