import { LorikeetError } from '@lorikeet/tensor-core';
import { AdaptedWeight } from '../adaptedWeight.ts';
import { requireAdapter } from '../compose.ts';
import { adapterLayers } from '../layers.ts';
import type { LoraConfig, LoraInit } from '../lora/loraConfig.ts';
import { moduleOf } from '../peft/adapterTensors.ts';
import type { SiteShape } from '../siteShape.ts';
import { loraVariant } from '../variants/lora.ts';

/** One weight with a LoRA adapter. */
export interface LoraPlace {
  readonly path: string;
  readonly layer: AdaptedWeight;
  readonly config: LoraConfig;
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
    if (variant.name !== loraVariant.name || (config as LoraConfig).initLoraWeights !== init) {
      throw new LorikeetError(
        'invalid-argument',
        'the adapter is not made for these first values',
        {
          path,
          expected: `lora({ initLoraWeights: '${init}' })`,
          received: `${variant.name} ${JSON.stringify(config)}`,
        },
      );
    }
    return [{ path: moduleOf(path), layer, config: config as LoraConfig, shape }];
  });
}
