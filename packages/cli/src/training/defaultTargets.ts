import type { Model } from '@lorikeet/model-zoo';
import { at, isAdaptable, selectPaths } from '@lorikeet/nn';
import {
  adaptablePaths,
  bottleneckVariant,
  compacterVariant,
  ia3Variant,
  lnTuningVariant,
} from '@lorikeet/peft-lora';
import { isLorikeetError, LorikeetError } from '@lorikeet/tensor-core';

/** How families call the layers that methods usually change. */
interface LayerNames {
  /** Of attention: what LoRA changed in its paper, queries and values. */
  readonly attention: string;
  /** What (IA)3 scales: keys, values, and what goes into the last layer of the feed-forward part. */
  readonly scaled: string;
  readonly feedforward: string;
  /** The last layers of attention and of the feed-forward part, behind which adapters stand. */
  readonly last: string;
}

const known: readonly LayerNames[] = [
  {
    attention: '**.{query,value}',
    scaled: '**.{key,value,output.dense}',
    feedforward: 'output.dense',
    last: '**.output.dense',
  },
  {
    attention: '**.{query_proj,value_proj}',
    scaled: '**.{key_proj,value_proj,output.dense}',
    feedforward: 'output.dense',
    last: '**.output.dense',
  },
  {
    attention: '**.{q_lin,v_lin}',
    scaled: '**.{k_lin,v_lin,lin2}',
    feedforward: 'lin2',
    last: '**.{out_lin,lin2}',
  },
  {
    attention: '**.{q_proj,v_proj}',
    scaled: '**.{k_proj,v_proj,down_proj}',
    feedforward: 'down_proj',
    last: '**.{o_proj,down_proj}',
  },
  {
    attention: '**.{q_proj,v_proj}',
    scaled: '**.{k_proj,v_proj,fc2}',
    feedforward: 'fc2',
    last: '**.{out_proj,fc2}',
  },
  {
    attention: '**.{q,v}',
    scaled: '**.{k,v,wo}',
    feedforward: 'wo',
    last: '**.{o,wo}',
  },
  {
    attention: '**.c_attn',
    scaled: '**.{c_attn,mlp.c_proj}',
    feedforward: 'mlp.c_proj',
    last: '**.c_proj',
  },
  {
    attention: '**.query_key_value',
    scaled: '**.{query_key_value,dense_4h_to_h}',
    feedforward: 'dense_4h_to_h',
    last: '**.{attention.dense,dense_4h_to_h}',
  },
  {
    attention: '**.qkv_proj',
    scaled: '**.{qkv_proj,down_proj}',
    feedforward: 'down_proj',
    last: '**.{o_proj,down_proj}',
  },
  {
    attention: '**.Wqkv',
    scaled: '**.{Wqkv,mlp.Wo}',
    feedforward: 'mlp.Wo',
    last: '**.Wo',
  },
];

/** Where a method acts if nothing else is said, and what options that means. Throws `no-match` for a model of other names. */
export function defaultTargets(
  model: Model,
  variant: string,
): { readonly selectors: readonly string[]; readonly options: Readonly<Record<string, unknown>> } {
  const paths = adaptablePaths(model);
  if (variant === lnTuningVariant.name)
    return { selectors: paths.filter((path) => isNorm(at(model, path))), options: {} };
  const names = known.find(({ scaled, attention, last }) =>
    [scaled, attention, last].every((selector) => fits(selector, paths)),
  );
  if (names === undefined) {
    throw new LorikeetError('no-match', 'it is not known which modules of this model to adapt', {
      hint: `name them: --targets. There are ${paths.slice(0, 8).join(', ')}, and so on`,
    });
  }
  const { attention, scaled, feedforward, last } = names;
  if (variant === ia3Variant.name)
    return { selectors: [scaled], options: { feedforwardModules: [feedforward] } };
  const isAround = [bottleneckVariant.name, compacterVariant.name].includes(variant);
  return { selectors: [isAround ? last : attention], options: {} };
}

function isNorm(module: unknown): boolean {
  return isAdaptable(module) && module.site.kind === 'norm';
}

function fits(selector: string, paths: readonly string[]): boolean {
  try {
    return selectPaths(selector, paths).length > 0;
  } catch (fault) {
    if (isLorikeetError(fault, 'no-match')) return false;
    throw fault;
  }
}
