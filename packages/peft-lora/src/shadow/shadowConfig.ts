import { at } from '@lorikeet/nn';
import { pythonRegExp } from '../peft/pythonRegExp.ts';
import { modelOf } from '../prompts/promptInputs.ts';
import { endsInName } from '../target.ts';

export interface ShadowConfig {
  /** Rank R of the way by which the shadow moves the states. */
  readonly rank: number;
  /** How much it moves them. */
  readonly alpha: number;
  /** Probability with which an element of the difference between states and shadow is dropped in training. */
  readonly dropout: number;
  /** Starts as the base. */
  readonly initWeights: boolean;
  /** Width of the layers that make the next shadow; `null` is the rank. */
  readonly updateHidden: number | null;
  /**
   * What the small model is: `mirror`, a new one of the model's kind; or the id or path of one that was trained before, under which
   * PEFT finds it.
   */
  readonly shadowModel: string;
  /** Of a mirror: layers of the small model; `null` is one. */
  readonly shadowLayers: number | null;
  /** Its width; `null` is that of the model. */
  readonly shadowWidth: number | null;
  readonly shadowHeads: number | null;
  /** Width within its MLP. */
  readonly shadowInner: number | null;
  /** Whether a mirror reads the words of the model; it needs the same width. */
  readonly shareEmbeddings: boolean;
  /** Weight of the loss that the shadow has by itself; 0 is none. */
  readonly auxiliaryLossWeight: number;
  /** Blocks, one after the other: ends of their paths, or a pattern of whole ones; `null` is all. */
  readonly targetModules: string | readonly string[] | null;
  readonly excludeModules: string | readonly string[] | null;
}

/** Whether the small model was trained before. */
export function isPretrained({ shadowModel }: ShadowConfig): boolean {
  return shadowModel !== 'mirror';
}

/** Numbers of the blocks that a config means. */
export function blockNames(model: object, config: ShadowConfig): readonly string[] {
  const { blocks = '' } = modelOf(model).inputSite;
  const list: unknown = at(model, blocks);
  const count = Array.isArray(list) ? list.length : 0;
  return Array.from({ length: count }, (_, i) => String(i)).filter((name) => {
    const path = `${blocks}.${name}`;
    const isMeant = config.targetModules === null || fits(path, config.targetModules);
    return isMeant && !(config.excludeModules !== null && fits(path, config.excludeModules));
  });
}

/** Why these blocks cannot have a shadow that goes from each to the next, if they cannot. */
export function blocksRefusal(names: readonly string[]): string | undefined {
  const first = Number(names[0]);
  if (names.length > 0 && names.every((name, i) => Number(name) === first + i)) return undefined;
  return `blocks that follow one another are needed, and those meant are: ${names.join(', ') || 'none'}`;
}

function fits(path: string, words: string | readonly string[]): boolean {
  return typeof words === 'string'
    ? pythonRegExp(words).test(path)
    : words.some((word) => path === word || endsInName(path, word));
}
