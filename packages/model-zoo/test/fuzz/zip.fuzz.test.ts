import { fuzz } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { pytorchAttack } from './pytorchAttack.ts';

fuzz('a changed archive of PyTorch', {
  file: 'packages/model-zoo/test/fuzz/zip.fuzz.test.ts',
  attack: await pytorchAttack(['archive.bin', 'module.bin']),
});
