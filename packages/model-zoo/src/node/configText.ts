/** Fields that transformers 5 refuses, or warns of, as whole numbers, which JSON does not tell from others. */
const floats: ReadonlySet<string> = new Set([
  ...['initializer_range', 'initializer_factor', 'initializer_cutoff_factor', 'init_std'],
  ...['layer_norm_eps', 'layer_norm_epsilon', 'norm_eps', 'rms_norm_eps'],
  ...['attn_logit_softcapping', 'final_logit_softcapping'],
  ...['encoder_layerdrop', 'decoder_layerdrop'],
  ...['factor', 'low_freq_factor', 'high_freq_factor', 'attention_factor', 'partial_rotary_factor'],
  ...['beta_fast', 'beta_slow', 'rope_theta'],
]);
/** Stands before a number that keeps its point. */
const mark = '\u0000float ';

/** The text of a `config.json`, as Python writes it: numbers that are floats there have a point. */
export function configText(config: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(
    config,
    (field, value: unknown) => {
      const isWhole = typeof value === 'number' && Number.isInteger(value);
      return isWhole && floats.has(field) ? `${mark}${value}` : value;
    },
    2,
  );
  // Very large ones are written with an exponent, which is a float too.
  const withPoint = text.replaceAll(/"\\u0000float ([^"]+)"/g, (_, digits: string) =>
    digits.includes('e') ? digits : `${digits}.0`,
  );
  return `${withPoint}\n`;
}
