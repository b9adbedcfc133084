import type { Command } from 'commander';

/** What is given to flags, by their names; under that of the command and the flag where another command has another. */
const examples: Readonly<Record<string, string>> = {
  '--adapter': 'out/adapter',
  '--backend': 'onnx',
  '--base': 'bert-base-uncased',
  '--batch': '4',
  '--batch-size': '32',
  '--case': 'adapters/gpt2',
  '--config': 'spam.yaml',
  '--directory': 'variants',
  '--dtype': 'f16',
  '--dynamic': 'batch,sequence',
  '--energy': '0.9',
  '--html': 'report.html',
  '--length-penalty': '2',
  '--max-length': '64',
  '--max-new-tokens': '40',
  '--method': 'dora',
  '--min-new-tokens': '5',
  '--min-p': '0.05',
  '--model': 'gpt2',
  '--modules': 'modules.txt',
  '--no-repeat-ngram': '3',
  '--num-beams': '4',
  '--only': 'bert,gpt2',
  '--options': `'{"rank":4}'`,
  '--other': 'other/adapter',
  '--output': 'out/merged',
  '--part': 'text_encoder',
  '--penalty-alpha': '0.6',
  '--plan': `'**.{query,value}'`,
  '--prompt': '"Once upon a time"',
  '--prompt-file': 'prompt.txt',
  '--rank': '4',
  '--repetition-penalty': '1.2',
  '--seed': '1',
  '--sequence': '64',
  '--stop': '"The end."',
  '--system': '"Answer in one sentence."',
  '--temperature': '0.7',
  '--to': 'kohya',
  '--top-k': '20',
  '--top-p': '0.9',
  '--train': 'classifier',
  '--typical-p': '0.95',
  'convert --output': 'style.safetensors',
  'export --output': 'model.onnx',
};

/** Adds an example to the help of each flag that takes a value and has none. */
export function withExamples(command: Command): Command {
  for (const option of command.options) {
    const name = option.long ?? option.flags;
    const example = examples[`${command.name()} ${name}`] ?? examples[name];
    const takesValue = option.required || option.optional;
    if (takesValue && example !== undefined && !option.description.includes('example:'))
      option.description += `; example: ${name} ${example}`;
  }
  return command;
}
