import type { Plan } from '@lorikeet/peft-lora';
import { Argument, Command, Option } from 'commander';
import { adapterConfig } from '../adapterFolder.ts';
import { type AnalysisFlags, type FolderAnalysis, tryAnalysis } from '../inspect/analyseFolder.ts';
import { analysisFigures } from '../inspect/analysisFigures.ts';
import { formatInspection, type Inspection, inspect } from '../inspect/inspection.ts';
import { integerOption, listOption, partOption, recordOption } from '../options.ts';
import { type PlanFlags, planAdapter } from '../planAdapter.ts';
import { writeText } from '../writeText.ts';

interface InspectFlags extends Omit<PlanFlags, 'plan'>, AnalysisFlags {
  readonly plan?: readonly string[];
  readonly json?: true;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what is in an adapter, a model or a safetensors file.')
    .addArgument(new Argument('<path>', 'folder of an adapter or a model, or a .safetensors file'))
    .option('--base <dir>', 'of an adapter: its base model, to measure changes against')
    .option('--other <dir>', 'of an adapter: another one, to compare subspaces with')
    .option(
      '--energy <part>',
      'of an adapter: what suggested ranks keep, up to 1',
      partOption,
      0.95,
    )
    .option(
      '--intruders',
      'with --base: count intruder dimensions, which is slow for large weights',
    )
    .option('--html <file>', 'of an adapter: write a page with plots')
    .addOption(
      new Option('--plan <selectors>', 'show what adapting these modules of a model would give')
        .argParser(listOption)
        .conflicts(['base', 'other', 'html', 'intruders']),
    )
    .option('--method <name>', 'with --plan: the method', 'lora')
    .option('--options <json>', "with --plan: the method's options", recordOption, {})
    .option('--train <selectors>', 'with --plan: modules that train whole', listOption, [])
    .option('--batch-size <n>', 'with --plan: texts in a step', integerOption(1), 16)
    .option('--max-length <n>', 'with --plan: tokens of a text', integerOption(2), 128)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Of an adapter it shows config, tensors and, for each weight, the singular values of the change, effective rank, norms
and the rank that would do. Without --base this works for LoRA and AdaLoRA; other methods need their base model.

Examples:
  lorikeet inspect spam-lora
  lorikeet inspect spam-lora --base bert
  lorikeet inspect spam-lora --base bert --intruders
  lorikeet inspect spam-lora --energy 0.9 --json
  lorikeet inspect spam-lora --other ham-lora
  lorikeet inspect spam-lora --base bert --html spam-lora.html
  lorikeet inspect bert
  lorikeet inspect bert --plan '**.{query,value}' --options '{"rank":8}' --train classifier
  lorikeet inspect bert --plan '**.query' --method loha --batch-size 8 --max-length 64`,
    )
    .action(async (path: string, { json, plan, ...flags }: InspectFlags) => {
      if (plan !== undefined) {
        const planned = await planAdapter(path, { plan, ...flags });
        console.log(json ? JSON.stringify(planFigures(planned)) : String(planned));
        return;
      }
      for (const flag of [flags.base, flags.other, flags.html, flags.intruders])
        if (flag !== undefined) await adapterConfig(path);
      const inspection = await inspect(path);
      const found = inspection.kind === 'adapter' ? await tryAnalysis(path, flags) : undefined;
      if (flags.html !== undefined && found !== undefined && 'analysis' in found)
        await writeText(flags.html, await pageOf(inspection, found));
      console.log(json ? figuresOf(inspection, found) : textOf(inspection, found));
      if (flags.html !== undefined) console.error(flags.html);
    });
}

type Found = FolderAnalysis | { readonly refusal: string } | undefined;

function figuresOf(inspection: Inspection, found: Found): string {
  if (found === undefined) return JSON.stringify(inspection);
  const analysis =
    'refusal' in found
      ? { analysis: null, similarity: null, refusal: found.refusal }
      : analysisFigures(found);
  return JSON.stringify({ ...inspection, ...analysis });
}

function textOf(inspection: Inspection, found: Found): string {
  const text = formatInspection(inspection);
  if (found === undefined) return text;
  if ('refusal' in found) return `${text}\n\nnot analysed: ${found.refusal}`;
  const parts = [text, String(found.analysis)];
  if (found.comparison !== undefined) parts.push(String(found.comparison));
  return parts.join('\n\n');
}

async function pageOf(
  { path, parameters, bytes, config }: Inspection,
  { analysis, comparison }: FolderAnalysis,
): Promise<string> {
  // Plots need a document: it is loaded only for them.
  const { analysisPage } = await import('../analysisPage/analysisPage.ts');
  const method =
    typeof config === 'object' && config !== null ? Reflect.get(config, 'peft_type') : '';
  const summary = `${String(method)}: ${parameters} parameters, ${bytes} bytes, ${analysis.rows.length} adapted weights.`;
  return analysisPage({ title: `Adapter ${path}`, summary, analysis, comparison });
}

function planFigures({ rows, trainable, total, bytes, fileBytes, step }: Plan): unknown {
  return {
    rows,
    trainable_parameters: trainable,
    total_parameters: total,
    trainable_bytes: bytes,
    file_bytes: fileBytes,
    step_bytes: step,
  };
}
