import type { Tensor } from '@lorikeet/tensor-core';

/** PEFT's names of the methods that other key styles have, too. */
export type KeyedType = 'LORA' | 'LOHA' | 'LOKR';

/** What an adapter has for one module, apart from how a file names it. */
export interface KeyedModule {
  readonly path: string;
  readonly type: KeyedType;
  /** By the ends of PEFT's keys, such as `lora_A.weight`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly rank: number;
  /** The update is scaled by alpha over the rank. */
  readonly alpha: number;
}

/**
 * Adapters by the part of the model that each is for, under the names of diffusers: `unet`, `text_encoder`,
 * `text_encoder_2`, `transformer`, ...
 */
export type KeyedParts = ReadonlyMap<string, readonly KeyedModule[]>;

/** The ends of keys: of PEFT's, and kohya's for the same tensors. */
export const keyEndings: Readonly<Record<KeyedType, Readonly<Record<string, string>>>> = {
  LORA: {
    'lora_A.weight': 'lora_down.weight',
    'lora_B.weight': 'lora_up.weight',
    lora_magnitude_vector: 'dora_scale',
  },
  LOHA: sameOf(['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b', 'hada_t1', 'hada_t2']),
  LOKR: sameOf([
    ...['lokr_w1', 'lokr_w1_a', 'lokr_w1_b'],
    ...['lokr_w2', 'lokr_w2_a', 'lokr_w2_b', 'lokr_t2'],
  ]),
};

/** Which method tensors are of, by the ends of PEFT's keys. */
export function typeOf(endings: Iterable<string>): KeyedType | undefined {
  const names = [...endings];
  return (Object.keys(keyEndings) as KeyedType[]).find((type) =>
    names.some((name) => Object.hasOwn(keyEndings[type], name)),
  );
}

/** The rank that the tensors show; `undefined` where both factors of a Kronecker product are whole. */
export function rankOfTensors(tensors: Readonly<Record<string, Tensor>>): number | undefined {
  const rows =
    tensors['lora_A.weight'] ?? tensors.hada_w1_b ?? tensors.lokr_w2_b ?? tensors.lokr_w1_b;
  return rows?.shape[0];
}

function sameOf(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]));
}
