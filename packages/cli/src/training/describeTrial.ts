import type { Backend } from '@lorikeet/tensor-core';
import { estimateTrial } from './estimate.ts';
import type { Trial } from './trial.ts';

/** What a run will do and take, for people. */
export async function describeTrial(trial: Trial, backend: Backend): Promise<string> {
  const { config, task, examples, description, totalSteps } = trial;
  const estimate = await estimateTrial(trial);
  const parts = [
    description,
    `${task.name}: ${examples.training.length} examples to train on, ${examples.heldOut.length} to evaluate on`,
    `${totalSteps} steps of ${config.batch_size * config.accumulate} rows on ${backend.name}`,
  ];
  if (estimate === undefined) return parts.join('\n');
  const { weights, gradients, optimizer, intermediates } = estimate.memory;
  const memory = [
    ['weights', weights],
    ['gradients', gradients],
    ['optimiser', optimizer],
    ...(intermediates === null ? [] : [['intermediate results', intermediates] as const]),
  ].map(([name, bytes]) => `${name} ${mebibytes(Number(bytes))}`);
  return [
    ...parts,
    `memory of a step: about ${mebibytes(estimate.bytes)} (${memory.join(', ')})`,
    `time: about ${duration(estimate.seconds)}, by the speed of a product of matrices; it may be half or twice that`,
  ].join('\n');
}

export function mebibytes(bytes: number): string {
  const size = bytes / 2 ** 20;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} MiB`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
