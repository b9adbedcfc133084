import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LorikeetError } from '@lorikeet/tensor-core';
import { Argument, Command } from 'commander';
import { variantTemplate } from '../variantTemplate.ts';

const ownVariants = 'packages/peft-lora/src/variants';

export function newVariantCommand(): Command {
  return new Command('new-variant')
    .description('Write the one file of a new PEFT variant, ready to be filled in.')
    .addArgument(new Argument('<name>', 'name of the variant in camelCase, such as diagonalScale'))
    .option(
      '--directory <dir>',
      `folder for the file (default: ${ownVariants} in this repository, else the current folder)`,
    )
    .addHelpText('after', '\nExample:\n  lorikeet new-variant diagonalScale')
    .action(async (name: string, { directory }: { directory?: string }) => {
      console.log(await writeVariant(name, directory));
    });
}

async function writeVariant(name: string, directory: string | undefined): Promise<string> {
  if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
    throw new LorikeetError('invalid-argument', `'${name}' is no name for a variant`, {
      expected: 'camelCase, such as diagonalScale',
      received: name,
    });
  }
  const isOwn = directory === undefined && existsSync(ownVariants);
  const path = join(directory ?? (isOwn ? ownVariants : '.'), `${name}.ts`);
  try {
    await writeFile(path, variantTemplate(name, isOwn), { flag: 'wx' });
  } catch (cause) {
    throw new LorikeetError('invalid-argument', `cannot write ${path}`, {
      received: cause instanceof Error ? cause.message : String(cause),
      hint: 'the folder must exist, and the file must not',
      cause,
    });
  }
  return path;
}
