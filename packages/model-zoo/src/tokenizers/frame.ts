import type { PostProcessorConfig } from './tokenizerJson.ts';

/** What stands around the tokens of a text, or of two. */
type FrameItem =
  | { readonly sequence: 0 | 1; readonly type: number }
  | { readonly id: number; readonly type: number };

/** How the tokens of a text become an input of a model. */
export interface Frame {
  readonly single: readonly FrameItem[];
  readonly pair: readonly FrameItem[];
  /** Whether places leave out the spaces at the ends of a token. */
  readonly isTrimmed: boolean;
  /** Whether a space that the text does not have stands before its first word. */
  readonly isPrefixed: boolean;
}

const bare: Frame = {
  single: [{ sequence: 0, type: 0 }],
  pair: [
    { sequence: 0, type: 0 },
    { sequence: 1, type: 1 },
  ],
  isTrimmed: false,
  isPrefixed: false,
};

/** The post-processor of a `tokenizer.json`. */
export function frameOf(config: PostProcessorConfig | null): Frame {
  if (config === null) return bare;
  switch (config.type) {
    case 'Sequence': {
      const frames = config.processors.map(frameOf);
      const around = frames.findLast(({ single }) => single !== bare.single) ?? bare;
      const trimmed = frames.find(({ isTrimmed }) => isTrimmed);
      return {
        single: around.single,
        pair: around.pair,
        isTrimmed: trimmed !== undefined,
        isPrefixed: trimmed?.isPrefixed === true,
      };
    }
    case 'ByteLevel':
      return { ...bare, isTrimmed: config.trim_offsets, isPrefixed: config.add_prefix_space };
    case 'BertProcessing':
      return { ...around(config.cls[1], config.sep[1], 1), isTrimmed: false, isPrefixed: false };
    case 'RobertaProcessing':
      return {
        ...around(config.cls[1], config.sep[1], 0, true),
        isTrimmed: config.trim_offsets,
        isPrefixed: config.add_prefix_space,
      };
    case 'TemplateProcessing': {
      const { special_tokens: special } = config;
      const items = (template: typeof config.single): readonly FrameItem[] =>
        template.flatMap((item): readonly FrameItem[] => {
          if ('Sequence' in item) {
            const { id, type_id: type } = item.Sequence;
            return [{ sequence: id === 'A' ? 0 : 1, type }];
          }
          const { id: name, type_id: type } = item.SpecialToken;
          const ids = Object.hasOwn(special, name) ? (special[name]?.ids ?? []) : [];
          return ids.map((id) => ({ id, type }));
        });
      return { ...bare, single: items(config.single), pair: items(config.pair) };
    }
  }
}

/** One mark before, one after each text, and in RoBERTa one before the second. */
function around(
  cls: number,
  sep: number,
  second: number,
  isDoubled = false,
): Pick<Frame, 'single' | 'pair'> {
  const single: readonly FrameItem[] = [
    { id: cls, type: 0 },
    { sequence: 0, type: 0 },
    { id: sep, type: 0 },
  ];
  const middle: readonly FrameItem[] = isDoubled ? [{ id: sep, type: second }] : [];
  return {
    single,
    pair: [...single, ...middle, { sequence: 1, type: second }, { id: sep, type: second }],
  };
}
