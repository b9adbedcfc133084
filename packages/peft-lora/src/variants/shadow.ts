import { type Projected, paths, takesVectors } from '@lorikeet/nn';
import { add, type Draw, mul, randomKey, Tensor } from '@lorikeet/tensor-core';
import { type ModuleMethod, type ModuleVariant, moduleMethod } from '../modules/moduleVariant.ts';
import { modelOf, promptInputsOf } from '../prompts/promptInputs.ts';
import { pretrainedShadow } from '../shadow/pretrainedShadow.ts';
import { seedStates } from '../shadow/seedStates.ts';
import { injected, statesOf, updated } from '../shadow/shadowBlock.ts';
import { blockNames, blocksRefusal, type ShadowConfig } from '../shadow/shadowConfig.ts';
import { shadowOutputs } from '../shadow/shadowOutputs.ts';
import {
  pathOfKey,
  type ShadowParameters,
  shadowTensors,
  sharesWords,
  trainedParts,
  wholeParts,
} from '../shadow/shadowParts.ts';
import { shadowSchema } from '../shadow/shadowSchema.ts';
import { wrapBlocks } from '../shadow/wrapBlocks.ts';

export type { ShadowConfig } from '../shadow/shadowConfig.ts';

export type ShadowOptions = Partial<ShadowConfig>;

function sample(draw: Draw): Partial<ShadowConfig> {
  return {
    rank: draw.integer(1, 2),
    alpha: draw.pick([0.5, 1.5]),
    dropout: draw.pick([0, 0.5]),
    initWeights: draw.boolean(),
    updateHidden: draw.pick([null, 3]),
    shadowLayers: draw.pick([null, 2]),
    shadowWidth: draw.pick([null, 2]),
    shadowHeads: draw.pick([null, 1]),
    shadowInner: draw.pick([null, 3]),
    shareEmbeddings: draw.boolean(),
    auxiliaryLossWeight: draw.pick([0, 0.3, 2]),
    ...draw.pick([
      { targetModules: null, excludeModules: null },
      { targetModules: ['layers.0'], excludeModules: null },
      { targetModules: '.*[.]1', excludeModules: null },
      { targetModules: null, excludeModules: ['0'] },
    ]),
  };
}

/** What a sample has of a small model that is given. */
const ofGiven = {
  shadowModel: 'small',
  shadowLayers: null,
  shadowWidth: null,
  shadowHeads: null,
  shadowInner: null,
};

type ShadowVariant = ModuleVariant<ShadowConfig, ShadowParameters>;

/** @param small the small model, if it was trained before. */
function variantWith(small?: Projected): ShadowVariant {
  return {
    name: 'shadow',
    paper: 'ShadowPEFT, Hugging Face PEFT 0.21',
    site: 'input',
    schema: shadowSchema(small !== undefined),
    traits: {
      identityAtInit: ({ initWeights }) => initWeights,
      isStochastic: ({ dropout }) => dropout > 0,
      parameterCount: (config, module) => {
        const { parameters } = trainedParts(
          wholeParts(module, config, randomKey(0), small),
          config,
        );
        return paths(parameters).reduce((sum, [, leaf]) => sum + leaf.size, 0);
      },
    },
    sample: (draw) => ({ ...sample(draw), ...(small && ofGiven) }),
    peft: {
      type: 'SHADOW',
      prefix: 'base_model.model.',
      isInModule: false,
      inactive: { layers_pattern: null, layers_to_transform: null },
      // PEFT looks for a number within a path, and that of a block is at its end.
      ignored: ['layers_pattern', 'layers_to_transform'],
      targets: () => [''],
      derived: () => ({}),
      derivedKeys: [],
      stored: ({ module, config, key }) => {
        const whole = wholeParts(module, config, key, small);
        const { parameters, frozen } = trainedParts(whole, config);
        return sharesWords(whole, config) && frozen.table === undefined
          ? { ...whole, backbone: parameters.backbone }
          : whole;
      },
      encode: (parameters, _config, _context, frozen) => shadowTensors(parameters, frozen),
      paths: pathOfKey,
    },
    accepts: (module) => takesVectors(module) && module.inputSite.blocks !== undefined,
    refusal: (config, module) => blocksRefusal(blockNames(module, config)),
    init: ({ module, config, key }) => wholeParts(module, config, key, small),
    split: trainedParts,

    call(args) {
      const { module, inputs, parameters, config, context, baseOf } = args;
      const given = promptInputsOf(inputs);
      const { past_key_values: past } = given;
      const { layers: count } = modelOf(module).inputSite;
      const { states: seed, past: shadowPast } = seedStates(module, args, config, given, context);
      const { blocks, layers } = parameters;
      const names = Object.keys(layers);
      const shadows = [seed];
      const wrapped = wrapBlocks(
        module,
        names.map((name) => `${blocks}.${name}`),
        (i, block, [x, ...rest]) => {
          const [own, before] = [layers[names[i] ?? ''], shadows[i]];
          if (own === undefined || before === undefined) return block(x, ...rest);
          const place = context.child(names[i] ?? '');
          const output = block(injected(statesOf(x), before, own, config, place), ...rest);
          shadows[i + 1] = updated(statesOf(output), before, own, place);
          return output;
        },
      );
      const mine = past && { past_key_values: past.slice(0, count) };
      const outputs = Object(baseOf(wrapped, { ...given, ...mine }, ...inputs.slice(1)));
      const told = Array.isArray(outputs.past_key_values) && {
        past_key_values: [...outputs.past_key_values, ...(shadowPast ?? [])],
      };
      const { labels } = given;
      const { auxiliaryLossWeight: weight } = config;
      if (labels === undefined || weight === 0 || !(outputs.loss instanceof Tensor))
        return { ...outputs, ...told };
      const alone = shadowOutputs(module, seed, parameters.head, given, context.child('head'));
      const loss = alone?.loss && add(outputs.loss, mul(alone.loss, weight));
      return { ...outputs, ...told, ...(loss && { loss }) };
    },
  };
}

export const shadowVariant: ShadowVariant = variantWith();

/**
 * ShadowPEFT: a small model reads along. What it makes of the tokens, the shadow, moves the states before each
 * block by how they differ from it, and is changed by each block in turn. Put it on the model itself, `''`: one that tells its
 * blocks, as GPT-2 and families like Llama. In a cache the keys and values of the small model come behind those of the model.
 *
 * @param options `shadowModel`: the name of `small`.
 * @param small a model that was trained before, of such a family, whose head is left; its table of words does not train. Or a
 *   projected one, or what `unloadShadow` gave. Without it a new one of the model's kind is made.
 * @throws LorikeetError `invalid-config` for `small` without its name, and for sizes beside it; `unsupported` for one of another kind.
 *   From `adapt`: `unsupported` for another model, and for blocks with others between; `shape-mismatch` for a projection to another
 *   width; `invalid-config` for a name without `small`.
 * @example
 * adapt(model, { '': shadow({ shadowModel: 'small' }, await load('small')) });
 */
export function shadow(options: ShadowOptions = {}, small?: object): ModuleMethod<ShadowConfig> {
  if (small === undefined) return moduleMethod(shadowVariant, options);
  return moduleMethod(shadowOf(small), options);
}

/**
 * The variant that reads files with this small model, whose `shadow_model` names it:
 * `loadAdapter(model, dir, { moduleVariants: [shadowOf(small)] })`. The values are those of the file.
 *
 * @param small as for `shadow`.
 */
export function shadowOf(small: object): ShadowVariant {
  return variantWith(pretrainedShadow(small));
}
