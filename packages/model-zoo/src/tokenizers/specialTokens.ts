import type { TokenizerConfig } from './tokenizerJson.ts';

/** Numbers of the tokens with a meaning, of those that a tokenizer has. */
export interface SpecialTokens {
  readonly bos?: number;
  readonly eos?: number;
  readonly unk?: number;
  readonly sep?: number;
  readonly pad?: number;
  readonly cls?: number;
  readonly mask?: number;
}

const names = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;

/** What files without `tokenizer_config.json` most often call them. */
const usual: Readonly<Partial<Record<(typeof names)[number], readonly string[]>>> = {
  pad: ['[PAD]', '<pad>'],
};

export function readSpecialTokens(
  config: TokenizerConfig,
  idOf: (token: string) => number | undefined,
): SpecialTokens {
  return Object.fromEntries(
    names.flatMap((name) => {
      const token = specialText(config, name);
      const candidates = token === undefined ? (usual[name] ?? []) : [token];
      const id = candidates.map(idOf).find((found) => found !== undefined);
      return id === undefined ? [] : [[name, id] as const];
    }),
  );
}

/** The text of a token with a meaning. */
export function specialText(
  config: TokenizerConfig,
  name: (typeof names)[number],
): string | undefined {
  const token = config[`${name}_token`];
  if (token === null || token === undefined) return undefined;
  return typeof token === 'string' ? token : token.content;
}
