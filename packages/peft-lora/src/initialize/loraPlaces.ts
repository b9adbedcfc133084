import { LorikeetError } from '@lorikeet/tensor-core';
import { z } from 'zod';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import type { LoraInit } from '../lora/loraConfig.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import type { SiteShape } from '../siteShape.ts';

/** What the first values ask of a config; it has the rest of its fields, too. */
export interface PlacedConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly useRslora: boolean;
  readonly initLoraWeights: LoraInit;
}

/** Which first values a method takes, its own schema says. */
const placedConfig: z.ZodType<PlacedConfig> = z.looseObject({
  rank: z.int(),
  alpha: z.number(),
  useRslora: z.boolean(),
  initLoraWeights: z.custom<LoraInit>(),
});

/** One weight with an adapter of LoRA, or of a method that is LoRA besides. */
export interface LoraPlace {
  readonly path: string;
  readonly layer: AdaptedWeight;
  readonly config: PlacedConfig;
  readonly shape: SiteShape;
}

/**
 * The places of a LoRA adapter whose first values are to be made from data.
 *
 * @throws LorikeetError `no-match` if there is no such adapter; `invalid-argument` if it is not made for these values.
 */
export function loraPlaces(tuned: unknown, name: string, init: LoraInit): LoraPlace[] {
  requireAdapter(tuned, name);
  return adapterLayers(tuned).flatMap(({ path, layer }) => {
    if (!(layer instanceof AdaptedWeight) || layer.name !== name) return [];
    const { variant, config, shape } = layer.settings;
    const { data: found } = placedConfig.safeParse(config);
    if (found?.initLoraWeights !== init) {
      throw new LorikeetError(
        'invalid-argument',
        'the adapter is not made for these first values',
        {
          path,
          expected: `a method of LoRA's with initLoraWeights: '${init}'`,
          received: `${variant.name} ${JSON.stringify(config)}`,
        },
      );
    }
    return [{ path: moduleOf(path), layer, config: found, shape }];
  });
}
