import type { SiteShape } from '../siteShape.ts';
import type { LoraConfig } from './loraConfig.ts';

/** Where which factor is block-diagonal. */
export interface BdLoraBlocks {
  /** Parts of the paths of modules whose A is, as of layers that are split by their inputs. */
  readonly targetModulesBdA: readonly string[] | null;
  /** Parts of the paths of modules whose B is, as of layers that are split by their outputs. */
  readonly targetModulesBdB: readonly string[] | null;
  /** Number N of blocks. */
  readonly nblocks: number;
  /** Refuses modules that neither list has; else they have plain LoRA. */
  readonly matchStrict: boolean;
}

type Found = 'A' | 'B' | 'both' | 'none';

export interface BdLoraConfig
  extends Pick<
    LoraConfig,
    'rank' | 'alpha' | 'dropout' | 'useRslora' | 'loraBias' | 'rankPattern' | 'alphaPattern'
  > {
  /** First values of A and B, as LoRA's. */
  readonly initLoraWeights: boolean | 'gaussian';
  readonly useBdlora: BdLoraBlocks;
  /** Which of the lists have the path. Told of each place by the lists, and no option. */
  readonly found?: Found;
}

/** As PEFT: a list has a path that one of its texts is a part of. */
export function foundIn({ useBdlora }: BdLoraConfig, path: string): Found {
  const [a, b] = [useBdlora.targetModulesBdA, useBdlora.targetModulesBdB].map(
    (list) => list?.some((part) => path.includes(part)) === true,
  );
  if (a && b) return 'both';
  return a ? 'A' : b ? 'B' : 'none';
}

/** The shapes of the parameters. */
export function sidesOf(
  { rank: R, found, useBdlora: { nblocks: N } }: BdLoraConfig,
  { in: inputs, out }: SiteShape,
): { readonly a: readonly [number, number]; readonly b: readonly [number, number] } {
  return { a: [R, found === 'A' ? inputs / N : inputs], b: [out, found === 'B' ? R / N : R] };
}

/** Why a module cannot have its factor in blocks, if it cannot. */
export function refusalOf(
  config: BdLoraConfig,
  { in: inputs, out }: SiteShape,
): string | undefined {
  const { found, rank: R, useBdlora, loraBias } = config;
  const { nblocks: N, matchStrict } = useBdlora;
  if (found === 'both') return 'both targetModulesBdA and targetModulesBdB have this module';
  if (found === 'none')
    return matchStrict
      ? 'neither targetModulesBdA nor targetModulesBdB has this module, and matchStrict is on'
      : undefined;
  if (found === 'B' && loraBias) return 'a B in blocks has no bias of its own (loraBias)';
  const side = found === 'A' ? inputs : out;
  return R % N === 0 && side % N === 0
    ? undefined
    : `the rank ${R} and the ${side} ${found === 'A' ? 'inputs' : 'outputs'} do not divide into ${N} blocks`;
}
