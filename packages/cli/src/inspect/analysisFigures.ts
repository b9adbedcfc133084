import type { AdapterRow, AnalysedRow, Drift, SubspaceSimilarity } from '@lorikeet/peft-lora';
import type { FolderAnalysis } from './analyseFolder.ts';

/** An analysis as one JSON object, for scripts. */
export function analysisFigures({ analysis, sizes, comparison }: FolderAnalysis): {
  readonly analysis: unknown;
  readonly similarity: unknown;
} {
  const { energy, rows, wholes } = analysis;
  return {
    analysis: {
      energy,
      modules: rows.map((row) => moduleFigures(row, sizes)),
      tensors: wholes.map(({ path, method, shape, frobeniusNorm, drift }) => ({
        path,
        method,
        shape,
        frobenius_norm: frobeniusNorm,
        drift: driftFigures(drift),
      })),
    },
    similarity:
      comparison === undefined
        ? null
        : {
            modules: comparison.rows.map(({ path, ranks, cosine, inputs, outputs }) => ({
              path,
              ranks,
              cosine,
              inputs: sideFigures(inputs),
              outputs: sideFigures(outputs),
            })),
            only_first: comparison.alone[0],
            only_other: comparison.alone[1],
          },
  };
}

function moduleFigures(row: AnalysedRow, sizes: readonly AdapterRow[]): unknown {
  const own = sizes.filter(({ path }) => path.slice(0, path.lastIndexOf('.')) === row.path);
  return {
    path: row.path,
    method: row.method,
    shape: row.shape,
    rank: row.singularValues.length,
    parameters: own.reduce((total, { parameters }) => total + parameters, 0),
    bytes: own.reduce((total, { bytes }) => total + bytes, 0),
    singular_values: row.singularValues,
    effective_rank: row.effectiveRank,
    frobenius_norm: row.frobeniusNorm,
    spectral_norm: row.spectralNorm,
    suggested_rank: row.suggested.rank,
    suggested_energy: row.suggested.energy,
    drift: driftFigures(row.drift),
    intruders: row.intruders,
  };
}

function driftFigures(drift: Drift | null): unknown {
  return drift === null
    ? null
    : { frobenius: drift.frobenius, spectral: drift.spectral, cosine: drift.cosine };
}

function sideFigures({ angles, phi }: SubspaceSimilarity): unknown {
  return { angles_rad: angles, phi };
}
