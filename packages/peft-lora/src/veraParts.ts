import {
  type Draw,
  full,
  normal,
  ones,
  sliceAxis,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import { parameterOf } from './parameterOf.ts';
import type { AdapterArguments, InitArguments, Tensors } from './variant.ts';

/** What VeRA and PVeRA are told. */
export interface VeraFields {
  /** Rank R of the projections. */
  readonly rank: number;
  /** Seed of the projections, which all places share: PyTorch's generator on a CPU, so that PEFT makes the same. */
  readonly projectionSeed: number;
  /** Whether files hold the projections; else they are made from the seed again. */
  readonly saveProjection: boolean;
  /** Probability with which an element of the input of the update is dropped in training. */
  readonly dropout: number;
  /** First value of the scales between the projections. */
  readonly dInitial: number;
  /** Starts as the base; else the scales after the projections are 1, and those between them random. */
  readonly initWeights: boolean;
}

/** For the laws. */
export function sampleVeraFields(draw: Draw): VeraFields {
  return {
    rank: draw.integer(1, 3),
    projectionSeed: draw.integer(0, 3),
    saveProjection: draw.boolean(),
    dropout: draw.pick([0, 0.5]),
    dInitial: draw.pick([0.1, 0.5]),
    initWeights: draw.boolean(),
  };
}

/** The first scales: lambdaB, [out], and lambdaD, [features]. */
export function firstScales(
  { shape, config: { dInitial, initWeights }, key }: InitArguments<VeraFields>,
  features: number,
): Tensors {
  return {
    lambdaB: initWeights ? zeros([shape.out]) : ones([shape.out]),
    lambdaD: initWeights ? full([features], dInitial) : normal(key, [features]),
  };
}

/** What a place has of the projections, and its scales. */
export interface VeraParts {
  /** [features, in] */
  readonly A: Tensor;
  /** [out, R] */
  readonly B: Tensor;
  /** [out] */
  readonly lambdaB: Tensor;
  /** [features] */
  readonly lambdaD: Tensor;
}

export function veraParts({
  shape,
  frozen,
  parameters,
}: Pick<AdapterArguments<unknown>, 'shape' | 'frozen' | 'parameters'>): VeraParts {
  return {
    A: sliceAxis(parameterOf(frozen, 'A'), 1, 0, shape.in),
    B: sliceAxis(parameterOf(frozen, 'B'), 0, 0, shape.out),
    lambdaB: parameterOf(parameters, 'lambdaB'),
    lambdaD: parameterOf(parameters, 'lambdaD'),
  };
}
