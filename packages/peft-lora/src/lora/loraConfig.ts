import { type TargetOptions, valueForPath } from '../target.ts';

/** How the first values of A and B are made. */
export type LoraInit = boolean | NamedInit | `pissa_niter_${number}`;

/** Ways that have a name alone. */
type NamedInit = (typeof namedInits)[number];

/** See `LoraConfig.initLoraWeights`. `eva`, `corda` and `lora_ga` take their values from data: see `initializeFromData`. */
export const namedInits = [
  'gaussian',
  'orthogonal',
  'pissa',
  'olora',
  'mica',
  'eva',
  'corda',
  'lora_ga',
] as const;

export interface LoraConfig {
  /** Rank R of the update. */
  readonly rank: number;
  /** The update is scaled by alpha / R. */
  readonly alpha: number;
  /** Probability with which an element of the input of A is dropped in training. */
  readonly dropout: number;
  /** Scales by alpha / sqrt(R) instead (Kalajdzievski 2023). */
  readonly useRslora: boolean;
  /**
   * First values. `true`: A as PyTorch's linear layer and B zero; `gaussian`: A normal and B zero; `false`: both random,
   * not a no-op; `orthogonal`: both random, with orthogonal rows and columns, so that their product is zero. `pissa`, `olora`: of
   * the largest singular values of the weight, or of its QR decomposition, and the product is taken out of the weight;
   * `pissa_niter_N` computes the former fast, by N power iterations. `mica`: B is of the left singular vectors with the smallest
   * singular values and does not train, A is zero: MiCA, 2026, https://arxiv.org/abs/2604.01694.
   */
  readonly initLoraWeights: LoraInit;
  /** Adds a bias of B's own, scaled as the update. */
  readonly loraBias: boolean;
  /**
   * Trains the length of each output's weights apart from their direction: DoRA, Liu et al. 2024,
   * https://arxiv.org/abs/2402.09353.
   */
  readonly useDora: boolean;
  /** Other ranks for modules whose path ends in a match of the regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** Other values of alpha, likewise. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

export type LoraOptions = Partial<LoraConfig> & TargetOptions;

/** The factor of the product of A and B. */
export function scalingOf({
  alpha,
  rank: R,
  useRslora,
}: Pick<LoraConfig, 'alpha' | 'rank' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(R) : R);
}

/** The config of one path: the patterns decide its rank and its alpha. */
export function patternedAt<
  C extends Pick<LoraConfig, 'rank' | 'alpha' | 'rankPattern' | 'alphaPattern'>,
>(config: C, path: string): C {
  return {
    ...config,
    rank: valueForPath(config.rankPattern, path) ?? config.rank,
    alpha: valueForPath(config.alphaPattern, path) ?? config.alpha,
  };
}

/** Whether the first product of A and B is taken out of the weight, so that what they start with is part of it. */
export function takesPart({ initLoraWeights: init }: Pick<LoraConfig, 'initLoraWeights'>): boolean {
  return typeof init === 'string' && !['gaussian', 'orthogonal', 'mica', 'eva'].includes(init);
}

/** Whether B stays as it is, so that A alone trains. */
export function holdsB({ initLoraWeights: init }: Pick<LoraConfig, 'initLoraWeights'>): boolean {
  return init === 'mica';
}

/** Whether the first values cannot be made again from the weight alone, so that files must hold what was taken out. */
export function mustKeepPart({
  initLoraWeights: init,
}: Pick<LoraConfig, 'initLoraWeights'>): boolean {
  return init === 'corda' || init === 'lora_ga' || iterationsOf(init) !== undefined;
}

/** N of `pissa_niter_N`. */
export function iterationsOf(init: LoraInit): number | undefined {
  const found = typeof init === 'string' ? /^pissa_niter_(\d+)$/.exec(init) : null;
  return found === null ? undefined : Number(found[1]);
}
