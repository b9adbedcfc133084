import { z } from 'zod';
import { peftField } from '../variant.ts';

const size = z.int().positive().nullable().default(null);
const words = z
  .union([z.string(), z.array(z.string())])
  .nullable()
  .default(null);

const fields = {
  rank: peftField(z.int().positive().default(8), 'r'),
  alpha: peftField(z.number().default(0.1), 'shadow_alpha'),
  dropout: peftField(z.number().min(0).lt(1).default(0.2), 'shadow_dropout'),
  initWeights: peftField(z.boolean().default(true), 'init_weights'),
  updateHidden: peftField(size, 'update_hidden_size'),
  shadowModel: note(z.string().min(1).default('mirror'), 'shadow_model'),
  shadowLayers: peftField(size, 'shadow_num_hidden_layers'),
  shadowWidth: peftField(size, 'shadow_hidden_size'),
  shadowHeads: peftField(size, 'shadow_num_attention_heads'),
  shadowInner: peftField(size, 'shadow_intermediate_size'),
  shareEmbeddings: peftField(z.boolean().default(true), 'share_embeddings'),
  auxiliaryLossWeight: peftField(z.number().min(0).default(0.05), 'auxiliary_loss_weight'),
  targetModules: peftField(words, 'target_modules'),
  excludeModules: peftField(words, 'exclude_modules'),
};

const ofMirror = withSizesOfMirrors(z.strictObject(fields));

/** Nothing of a mirror changes a small model that is given. */
const ofGiven = withSizesOfMirrors(
  z.strictObject({
    ...fields,
    shadowLayers: note(size, 'shadow_num_hidden_layers'),
    shadowWidth: note(size, 'shadow_hidden_size'),
    shadowHeads: note(size, 'shadow_num_attention_heads'),
    shadowInner: note(size, 'shadow_intermediate_size'),
    shareEmbeddings: note(z.boolean().default(true), 'share_embeddings'),
  }),
);

/** @param isGiven whether the small model is one that was trained before. */
export function shadowSchema(isGiven: boolean): z.ZodObject {
  return isGiven ? ofGiven : ofMirror;
}

/** A field that changes no number. */
function note<T extends z.ZodType>(field: T, key: string): T {
  return field.meta({ peft: key, isNote: true });
}

/** Refuses sizes beside a small model that has its own. */
function withSizesOfMirrors<T extends z.ZodObject>(own: T): T {
  return own.superRefine((config, { addIssue }) => {
    if (config.shadowModel === 'mirror') return;
    for (const name of ['shadowLayers', 'shadowWidth', 'shadowHeads', 'shadowInner'])
      if (config[name] !== null && config[name] !== undefined)
        addIssue({
          code: 'custom',
          path: [name],
          message: `a small model that was trained before has its own sizes: only 'mirror' takes this`,
        });
  });
}
