import { moduleVariants, variants } from '@lorikeet/peft-lora';
import { expect, test } from 'vitest';

/** `PeftType` of PEFT 0.21. */
const types =
  'PROMPT_TUNING MULTITASK_PROMPT_TUNING P_TUNING PREFIX_TUNING LORA ADALORA ADAMSS BOFT ADAPTION_PROMPT IA3 BEFT LILY LOHA LOKR OFT POLY LN_TUNING VERA FROD PVERA FOURIERFT GLORA XLORA HRA VBLORA UNILORA CPT MISS RANDLORA ROAD TRAINABLE_TOKENS HIRA SHIRA C3A WAVEFT OSF DELORA GRALORA CARTRIDGE TINYLORA PSOFT PEANUT SHADOW SUPERTUNING DEFT'.split(
    ' ',
  );

test('every method of PEFT 0.21 is here', () => {
  const built = new Set([...variants, ...moduleVariants].map(({ peft }) => peft?.type));
  // X-LoRA gates adapters that are there, and has files of its own: decodeXLora.
  expect(types.filter((type) => !built.has(type))).toEqual(['XLORA']);
});

test('so is every variant of its LoRA that a key of the config tells', () => {
  const marks = variants.flatMap(({ peft }) => (peft?.type === 'LORA' ? [peft.mark?.key] : []));
  expect(marks.toSorted()).toEqual([
    'kasa_config',
    'monteclora_config',
    'use_bdlora',
    'use_qalora',
    'velora_config',
    undefined, // LoRA itself
  ]);
});
