/** What a head is for, under the names of transformers' pipelines and exports. */
export type HeadName =
  | 'masked-lm'
  | 'causal-lm'
  | 'seq2seq-lm'
  | 'sequence-classification'
  | 'token-classification'
  | 'question-answering'
  | 'multiple-choice'
  | 'feature-extraction';

/** How transformers' classes with each head are called. */
const endings: Readonly<Record<HeadName, RegExp>> = {
  'masked-lm': /ForMaskedLM$/,
  'causal-lm': /(ForCausalLM|LMHeadModel)$/,
  'seq2seq-lm': /(ForConditionalGeneration|MTModel)$/,
  'sequence-classification': /ForSequenceClassification$/,
  'token-classification': /ForTokenClassification$/,
  'question-answering': /ForQuestionAnswering$/,
  'multiple-choice': /ForMultipleChoice$/,
  'feature-extraction': /(?<!LMHead|MT|Encoder)Model$/,
};

export const headNames: readonly HeadName[] = [
  'masked-lm',
  'causal-lm',
  'seq2seq-lm',
  'sequence-classification',
  'token-classification',
  'question-answering',
  'multiple-choice',
  'feature-extraction',
];

/** The class of a family with a head, of those that it has. */
export function architectureWith(
  head: HeadName,
  architectures: readonly string[],
): string | undefined {
  const ending = Object.hasOwn(endings, head) ? endings[head] : undefined;
  return architectures.find((name) => ending?.test(name));
}

/** What the class that a `config.json` names is for; `undefined` if it names none, or one of another kind. */
export function headOf(config: Readonly<Record<string, unknown>>): HeadName | undefined {
  const [name] = [config.architectures].flat();
  return headNames.find((head) => endings[head].test(String(name)));
}
