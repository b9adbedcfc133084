import { Linear } from '@lorikeet/nn';
import { formatShape, LorikeetError, sameShape, type Tensor, tensor } from '@lorikeet/tensor-core';
import { z } from 'zod';
import type { EncodedAdapter } from '../peft/encodedAdapter.ts';
import type { TensorSource } from '../peft/matchTensors.ts';
import { type PeftJson, requireRecord } from '../peft/peftConfig.ts';
import { XLoraClassifier, type XLoraOptions } from './xLoraClassifier.ts';

const schema = z.object({
  hidden_size: z.int().positive(),
  adapters: z.record(z.string(), z.string()),
  enable_softmax: z.boolean().default(true),
  enable_softmax_topk: z.boolean().default(false),
  layerwise_scalings: z.boolean().default(false),
  xlora_depth: z.int().positive().default(1),
  xlora_size: z.int().positive().default(2048),
  enable_relu_and_dropout: z.boolean().default(false),
  use_bias: z.boolean().default(true),
  xlora_dropout_p: z.number().min(0).lt(1).default(0.2),
  softmax_temperature: z.number().positive().default(1),
  top_k_lora: z.int().positive().nullish(),
  global_scaling_weight: z.number().default(1),
});

type XLoraJson = z.infer<typeof schema>;

/** What PEFT writes besides, which Lorikeet does not act on. */
const besides = {
  auto_mapping: null,
  base_model_name_or_path: null,
  inference_mode: true,
  peft_type: 'XLORA',
  revision: null,
  scaling_pass_value: 0,
  task_type: null,
  use_trainable_adapters: false,
};

/** A classifier as a file has it. */
export interface LoadedXLora {
  readonly classifier: XLoraClassifier;
  /** The adapters, in the order of the gates, and where they are: for `loadAdapter`, and the names for `applyScalings`. */
  readonly adapters: Readonly<Record<string, string>>;
  /** The config as it was read, for the next save. */
  readonly config: PeftJson;
}

export interface EncodeXLoraOptions {
  /** The adapters, in the order of the gates, and where they are: paths, or names on the hub. */
  readonly adapters: Readonly<Record<string, string>>;
  /** A config that was read, whose other keys are kept. */
  readonly config?: PeftJson;
}

/**
 * The classifier of X-LoRA in PEFT's files; those of the xlora package, which came before, are read too.
 *
 * @param files `adapter_config.json`, or `xlora_config.json`, and the tensors beside it.
 * @throws LorikeetError `invalid-config`, naming each fault; `unsupported` for two softmaxes; `missing-tensor`,
 *   `unexpected-tensor`, `shape-mismatch`.
 */
export async function decodeXLora(files: {
  readonly config: unknown;
  readonly tensors: TensorSource;
}): Promise<LoadedXLora> {
  const config = requireRecord(files.config);
  const json = parse(config);
  const source = files.tensors;
  const names = new Map([...source.entries.keys()].map((name) => [keyWithin(name), name]));
  const places = placesIn(json, source, names.get('last.weight'));
  const shape = XLoraClassifier.init(optionsOf(json, places), tensor([0, 0], [2], 'u32'));
  const read = async (key: string, expected: readonly number[]): Promise<Tensor> => {
    const name = names.get(key);
    names.delete(key);
    const found = name === undefined ? undefined : source.entries.get(name)?.shape;
    if (name === undefined || found === undefined)
      throw new LorikeetError('missing-tensor', `the classifier lacks ${key}`, {
        path: source.name,
      });
    if (!sameShape(found, expected)) {
      throw new LorikeetError(
        'shape-mismatch',
        'a tensor of the classifier does not fit its config',
        {
          path: `${source.name}: ${name}`,
          expected: formatShape(expected),
          received: formatShape(found),
        },
      );
    }
    return tensor(await source.readAs(name, 'f32'), found);
  };
  const layers: Linear[] = [];
  for (const [key, { weight, bias }] of layersByKey(shape)) {
    const own = await read(`${key}.weight`, shapeOf(weight));
    layers.push(new Linear(own, bias === null ? null : await read(`${key}.bias`, shapeOf(bias))));
  }
  const [left] = names.values();
  if (left !== undefined)
    throw new LorikeetError('unexpected-tensor', 'a tensor that the config does not explain', {
      path: `${source.name}: ${left}`,
    });
  return {
    classifier: new XLoraClassifier(layers, shape.options),
    adapters: json.adapters,
    config,
  };
}

/**
 * The classifier of X-LoRA in PEFT's format, beside adapters that are saved as they are.
 *
 * @throws LorikeetError `invalid-argument` for another number of adapters than the classifier has; `unsupported` for a softmax
 *   of the top gates with a temperature, which PEFT leaves out there.
 */
export function encodeXLora(
  classifier: XLoraClassifier,
  { adapters, config = {} }: EncodeXLoraOptions,
): EncodedAdapter {
  const { options } = classifier;
  const count = Object.keys(adapters).length;
  if (count !== options.adapters) {
    throw new LorikeetError('invalid-argument', 'gates of another number of adapters', {
      expected: `${options.adapters} adapters`,
      received: String(count),
    });
  }
  const isTop = options.softmax === 'top' && options.topK !== null;
  if (isTop && options.temperature !== 1) {
    throw new LorikeetError('unsupported', "PEFT's softmax of the top gates has no temperature", {
      received: `temperature ${options.temperature}`,
      hint: 'scale the last layer instead',
    });
  }
  const fields: XLoraJson = {
    hidden_size: options.hiddenSize,
    adapters,
    enable_softmax: options.softmax !== null && !isTop,
    enable_softmax_topk: isTop,
    layerwise_scalings: options.layerwise,
    xlora_depth: options.depth,
    xlora_size: options.size,
    enable_relu_and_dropout: options.activates,
    use_bias: options.bias,
    xlora_dropout_p: options.dropout,
    softmax_temperature: options.temperature,
    top_k_lora: options.topK,
    global_scaling_weight: options.globalWeight,
  };
  const written = Object.entries({ ...besides, ...config, ...fields, peft_type: 'XLORA' });
  const tensors = new Map<string, Tensor>();
  for (const [key, { weight, bias }] of layersByKey(classifier)) {
    tensors.set(`${prefix}${key}.weight`, plain(weight));
    if (bias !== null) tensors.set(`${prefix}${key}.bias`, plain(bias));
  }
  return { config: Object.fromEntries(written.sort(([a], [b]) => (a < b ? -1 : 1))), tensors };
}

const prefix = 'base_model.internal_xlora_classifier.';

function parse(config: PeftJson): XLoraJson {
  const result = schema.safeParse(config);
  const refuse = (code: 'invalid-config' | 'unsupported', received: string): LorikeetError =>
    new LorikeetError(code, 'the config of X-LoRA is not one that can be read', { received });
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw refuse('invalid-config', faults.join('; '));
  }
  const { peft_type: type = 'XLORA' } = config;
  if (type !== 'XLORA') throw refuse('invalid-config', `peft_type ${JSON.stringify(type)}`);
  const { enable_softmax: all, enable_softmax_topk: top, top_k_lora: k } = result.data;
  if (all && top) throw refuse('unsupported', 'enable_softmax and enable_softmax_topk');
  if (top && (k ?? null) === null)
    throw refuse('invalid-config', 'enable_softmax_topk without top_k_lora');
  return result.data;
}

function optionsOf(json: XLoraJson, places: number): XLoraOptions {
  const { enable_softmax_topk: isTop, top_k_lora: topK } = json;
  return {
    hiddenSize: json.hidden_size,
    places,
    adapters: Object.keys(json.adapters).length,
    depth: json.xlora_depth,
    size: json.xlora_size,
    dropout: json.xlora_dropout_p,
    layerwise: json.layerwise_scalings,
    activates: json.enable_relu_and_dropout,
    bias: json.use_bias,
    softmax: isTop ? 'top' : json.enable_softmax ? 'all' : null,
    // PEFT leaves the temperature out where the top gates alone have a softmax.
    temperature: isTop ? 1 : json.softmax_temperature,
    globalWeight: json.global_scaling_weight,
    ...((topK ?? null) === null ? {} : { topK: topK ?? 1 }),
  };
}

/** The number of places is that of the sets of gates, which the config does not tell. */
function placesIn(json: XLoraJson, { entries }: TensorSource, last: string | undefined): number {
  if (!json.layerwise_scalings) return 1;
  const [rows = 1] = entries.get(last ?? '')?.shape ?? [];
  return Math.max(1, Math.floor(rows / Object.keys(json.adapters).length));
}

/** The layers under the names that they have in PEFT: those within a list count its activations and dropouts too. */
function layersByKey({ layers, options }: XLoraClassifier): [key: string, layer: Linear][] {
  const step = options.activates ? 3 : 1;
  return layers.map((layer, i) => [i === layers.length - 1 ? 'last' : `inner.${i * step}`, layer]);
}

/** The key in the classifier, whatever comes before it. */
function keyWithin(name: string): string {
  return name.replace(/^.*xlora_classifier\./, '');
}

function plain(weight: Linear['weight']): Tensor {
  return 'materialize' in weight ? weight.materialize() : weight;
}

function shapeOf(weight: Linear['weight']): readonly number[] {
  return plain(weight).shape;
}
