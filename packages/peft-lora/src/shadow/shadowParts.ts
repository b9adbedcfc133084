import {
  at,
  Embedding,
  Linear,
  type Mirrored,
  materialize,
  type Projected,
  paths,
} from '@lorikeet/nn';
import {
  alias,
  foldIn,
  formatShape,
  LorikeetError,
  sameShape,
  type Tensor,
  zeros,
} from '@lorikeet/tensor-core';
import type { ModuleState } from '../modules/moduleVariant.ts';
import { modelOf } from '../prompts/promptInputs.ts';
import { rewrite } from '../rewrite.ts';
import type { Tensors } from '../variant.ts';
import { mirroredIn } from './mirroredIn.ts';
import { type ShadowBlock, shadowBlock, updateTensors } from './shadowBlock.ts';
import { blockNames, blocksRefusal, isPretrained, type ShadowConfig } from './shadowConfig.ts';
import { trainedShadow } from './trainedShadow.ts';

/** What trains, and where it is. */
export interface ShadowParameters {
  /** Path of the list of the model's blocks. */
  readonly blocks: string;
  /** The small model that makes the shadow before the first block. */
  readonly backbone: Mirrored;
  /** To the width of the model, where that of the backbone is another one. */
  readonly projection: Linear | null;
  /** By the numbers of the blocks. */
  readonly layers: Readonly<Record<string, ShadowBlock>>;
  /** Of the shadow itself, for labels of rows. */
  readonly head: Linear | null;
}

export function isShadowParameters(value: unknown): value is ShadowParameters {
  return typeof value === 'object' && value !== null && 'backbone' in value && 'layers' in value;
}

/**
 * All parts in the form that a file has.
 *
 * @param given the small model, if it was trained before.
 */
export function wholeParts(
  model: object,
  config: ShadowConfig,
  key: Tensor,
  given?: Projected,
): ShadowParameters {
  const { blocks } = mirroredIn(model);
  const { width } = modelOf(model).inputSite;
  const { backbone, projection } =
    given === undefined && !isPretrained(config)
      ? mirrorOf(model, config, key)
      : trainedShadow(config, given);
  const inFeatures = backbone.inputSite.width;
  const names = blockNames(model, config);
  const reason = blocksRefusal(names);
  if (reason !== undefined) throw new LorikeetError('unsupported', `shadow: ${reason}`);
  if (projection !== null) requireWidths(projection, inFeatures, width);
  const { rank, updateHidden, initWeights } = config;
  const own = { rank, width, hidden: updateHidden ?? rank, initWeights };
  const toWidth = { inFeatures, outFeatures: width, bias: false };
  return {
    blocks,
    backbone,
    projection:
      projection === null && inFeatures !== width
        ? Linear.init(toWidth, foldIn(key, 'projection'))
        : projection,
    layers: Object.fromEntries(
      names.map((name) => [name, shadowBlock(own, foldIn(key, Number(name)))]),
    ),
    head: classifierOf(model),
  };
}

function mirrorOf(model: object, config: ShadowConfig, key: Tensor): Projected {
  const sizes = {
    layers: config.shadowLayers ?? 1,
    width: config.shadowWidth,
    inner: config.shadowInner,
    heads: config.shadowHeads,
  };
  const { mirrored } = mirroredIn(model);
  return { backbone: mirrored.mirror(sizes, foldIn(key, 'backbone')), projection: null };
}

function requireWidths({ weight }: Linear, inputs: number, outputs: number): void {
  const { shape } = materialize(weight);
  if (sameShape(shape, [outputs, inputs])) return;
  throw new LorikeetError('shape-mismatch', 'shadow: its projection is of another model', {
    expected: formatShape([outputs, inputs]),
    received: formatShape(shape),
    hint: 'take a shadow that was trained beside a model of this width',
  });
}

/** A copy of the model's own classifier, which goes on by itself. */
function classifierOf(model: object): Linear | null {
  for (const name of ['score', 'classifier']) {
    const found: unknown = Reflect.get(model, name);
    if (!(found instanceof Linear)) continue;
    const { weight, bias } = found;
    // A copy: the model's own may train beside it.
    return new Linear(alias(materialize(weight)), bias === null ? null : alias(materialize(bias)));
  }
  return null;
}

/** Whether the backbone reads the words of the model, and none of its own. */
export function sharesWords(parameters: ShadowParameters, config: ShadowConfig): boolean {
  return !isPretrained(config) && config.shareEmbeddings && parameters.projection === null;
}

/**
 * What trains of all that a file has: of a small model that was trained before, all but its table of words. What nothing reads, PEFT
 * trains and stores: it is kept as it is. These are the updates behind the last block, and a table of words beside that of the
 * model, which PEFT takes off under one name alone.
 */
export function trainedParts(
  whole: ShadowParameters,
  config: ShadowConfig,
): ModuleState<ShadowParameters> {
  const last = lastOf(whole.layers);
  const kept: Record<string, Tensor> = {};
  const layers = Object.fromEntries(
    Object.entries(whole.layers).map(([name, block]) => {
      if (name !== last) return [name, block];
      const { shadow_down, shadow_up, ...update } = block;
      for (const [path, leaf] of Object.entries(updateTensors(update))) kept[`last.${path}`] = leaf;
      return [name, { shadow_down, shadow_up }];
    }),
  );
  const isOwn = isPretrained(config);
  if (!isOwn && !sharesWords(whole, config))
    return { parameters: { ...whole, layers }, frozen: kept };
  const { embedding, width } = whole.backbone.inputSite;
  const table = at(whole.backbone, embedding);
  if (table instanceof Embedding && (isOwn || !isTakenOff(embedding)))
    kept.table = materialize(table.weight);
  const backbone = withTable(whole.backbone, zeros([0, width]));
  return { parameters: { ...whole, layers, backbone }, frozen: kept };
}

/** The small model as it reads: with a table of words of its own that does not train. */
export function readingBackbone(
  { parameters: { backbone }, frozen: { table } }: ModuleState<ShadowParameters>,
  config: ShadowConfig,
): Mirrored {
  return isPretrained(config) && table !== undefined ? withTable(backbone, table) : backbone;
}

/** A small model with another table of words. */
export function withTable(backbone: Mirrored, table: Tensor): Mirrored {
  return rewrite(backbone, new Map([[`${backbone.inputSite.embedding}.weight`, () => table]]));
}

function isTakenOff(embedding: string): boolean {
  return embedding === 'embed_tokens';
}

function lastOf(layers: ShadowParameters['layers']): string {
  return String(Math.max(...Object.keys(layers).map(Number)));
}

const root = 'base_model.';

/** The tensors of a file, by PEFT's keys. */
export function shadowTensors(parameters: ShadowParameters, frozen: Tensors): Tensors {
  const { blocks, backbone, projection, layers, head } = parameters;
  const last = lastOf(layers);
  const found: Record<string, Tensor> = {};
  const add = (key: string, tree: unknown): void => {
    // No table of words is no key.
    for (const [path, leaf] of paths(tree)) if (leaf.size > 0) found[`${key}.${path}`] = leaf;
  };
  add(`${root}shadow_backbone.default`, backbone);
  if (projection !== null) add(`${root}shadow_projection.default`, projection);
  if (head !== null) add(`${root}shadow_head.default`, head);
  const put = (name: string, path: string, leaf: Tensor): void => {
    const [part = '', ...rest] = path.split('.');
    found[`${root}model.${blocks}.${name}.${part}.default.${rest.join('.')}`] = leaf;
  };
  for (const [name, block] of Object.entries(layers))
    for (const [path, leaf] of paths(block)) put(name, path, leaf);
  for (const [path, leaf] of Object.entries(frozen)) {
    if (path === 'table')
      found[`${root}shadow_backbone.default.${backbone.inputSite.embedding}.weight`] = leaf;
    else put(last, path.slice('last.'.length), leaf);
  }
  return found;
}

/** The path within the parameters of a key of a file. */
export function pathOfKey(key: string): string {
  const own = /^base_model\.shadow_(\w+?)\.default\.(.+)$/.exec(key);
  if (own) return `${own[1]}.${own[2]}`;
  const block = /\.(\d+)\.(shadow_\w+)\.default\.(.+)$/.exec(key);
  return block ? `layers.${block[1]}.${block[2]}.${block[3]}` : key;
}
