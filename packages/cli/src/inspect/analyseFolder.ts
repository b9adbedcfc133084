import {
  type AdapterAnalysis,
  type AdapterComparison,
  type AdapterRow,
  analyseAdapter,
  compareAdapters,
  describe,
} from '@lorikeet/peft-lora';
import { isLorikeetError } from '@lorikeet/tensor-core';
import { openAdapter } from '../adapterFolder.ts';

/** How an adapter is to be analysed, as the options of `inspect` say it. */
export interface AnalysisFlags {
  readonly base?: string;
  readonly other?: string;
  readonly energy: number;
  readonly intruders?: true;
  readonly html?: string;
}

export interface FolderAnalysis {
  readonly analysis: AdapterAnalysis;
  /** Parameters and bytes of each weight. */
  readonly sizes: readonly AdapterRow[];
  readonly comparison: AdapterComparison | undefined;
}

/** Analyses an adapter, on its base model if that is given, and compares it with another one if that is. */
async function analyseFolder(dir: string, flags: AnalysisFlags): Promise<FolderAnalysis> {
  const { base, other, energy, intruders } = flags;
  const tuned = await openAdapter(dir, base);
  const analysis = await analyseAdapter(tuned, {
    energy,
    drift: base !== undefined,
    ...(intruders === undefined ? {} : { intruders: {} }),
  });
  const comparison =
    other === undefined ? undefined : await compareAdapters(tuned, await openAdapter(other, base));
  return { analysis, sizes: describe(tuned).rows, comparison };
}

/** The analysis or, where the files alone do not allow one and none was asked for, the reason. */
export async function tryAnalysis(
  dir: string,
  flags: AnalysisFlags,
): Promise<FolderAnalysis | { readonly refusal: string }> {
  try {
    return await analyseFolder(dir, flags);
  } catch (error) {
    const { base, other, html, intruders } = flags;
    const isAsked = [base, other, html, intruders].some((flag) => flag !== undefined);
    if (isAsked || !isLorikeetError(error)) throw error;
    const { summary, hint } = error;
    return { refusal: hint === undefined ? summary : `${summary}; ${hint}: --base MODEL` };
  }
}
