import { logitsOf, type ModelInputs } from '@lorikeet/model-zoo';
import { Context } from '@lorikeet/nn';
import { compile, crossEntropy, sliceAxis, type Tensor } from '@lorikeet/tensor-core';
import {
  type AnswerRow,
  chatRow,
  conversationOf,
  type PlacedRow,
  promptRow,
  textOf,
} from '@lorikeet/train/data';
import { measure, perplexity } from '@lorikeet/train/metrics';
import { nothingToEvaluate, padIdOf, rowBatches } from './rowBatches.ts';
import { rowsOf, unsplit } from './sourceRows.ts';
import type { Task } from './task.ts';

/** How a text goes on, how a prompt is answered, or what an assistant says. */
export const languageModelling: Task<PlacedRow> = {
  name: 'language-modelling',
  about:
    'how a text goes on, or what is answered: of prompts and conversations answers alone count',
  columns: 'text; prompt and completion; instruction, input and output; messages or conversations',
  head: 'causal-lm',
  peftType: 'CAUSAL_LM',
  metric: { name: 'perplexity', isBetter: 'lower' },
  async read(source) {
    const rows = await rowsOf(source);
    return {
      examples: unsplit(rows, source),
      open(tokenizer, maxLength) {
        const { eos } = tokenizer.special;
        const end = eos === undefined ? {} : { end: eos };
        const toChat = chatRow(tokenizer, { maxLength });
        const toAnswer = promptRow(tokenizer, { maxLength, ...end });
        const hasTemplate = tokenizer.config.chat_template !== undefined;
        const toRows = (placed: PlacedRow): readonly AnswerRow[] => {
          if (Object.hasOwn(placed.row, 'text')) return [wholeText(textOf(placed, 'text'))];
          if (hasTemplate) return toChat(conversationOf(placed));
          const said = conversationOf(placed);
          const last = said.findLastIndex(({ role }) => role === 'assistant');
          const before = said.slice(0, last).map(({ content }) => content);
          return toAnswer(`${before.join('\n')}\n`, said[last]?.content ?? '');
        };
        const wholeText = (text: string): AnswerRow => {
          const { ids } = tokenizer.encode(text);
          const all = eos === undefined || ids.at(-1) === eos ? ids : [...ids, eos];
          const kept = all.slice(0, maxLength);
          return { input_ids: kept, labels: kept };
        };
        const options = { padId: padIdOf(tokenizer), maxLength };
        return {
          rowCount: (some) => some.flatMap(toRows).length,
          batches: (some, plan) => rowBatches(some, toRows, plan, options),
          async evaluate(model, some, size) {
            if (some.length === 0) throw nothingToEvaluate();
            const lose = compile((inputs: ModelInputs & { readonly labels: Tensor }): Tensor => {
              const { labels, ...texts } = inputs;
              const logits = logitsOf(model.call(texts, Context.evaluation)); // [B, T, V]
              const time = (labels.shape[1] ?? 1) - 1;
              const [told, truth] = [sliceAxis(logits, 1, 0, time), sliceAxis(labels, 1, 1, time)];
              return crossEntropy(told, truth, { reduction: 'sum' });
            });
            const losses: { loss: number; tokens: number }[] = [];
            for await (const { inputs } of rowBatches(some, toRows, { size }, options)) {
              const tokens = await countedTokens(inputs.labels);
              if (tokens > 0)
                losses.push({ loss: ((await lose(inputs).data())[0] ?? 0) / tokens, tokens });
            }
            const value = measure(perplexity, losses);
            return { loss: Math.log(value), perplexity: value };
          },
        };
      },
    };
  },
};

/** Labels that count: all but the first of each row, which none before it tells. */
async function countedTokens(labels: Tensor): Promise<number> {
  const [data, width] = [[...(await labels.data())], labels.shape[1] ?? 1];
  return data.filter((label, i) => label !== -100 && i % width > 0).length;
}
