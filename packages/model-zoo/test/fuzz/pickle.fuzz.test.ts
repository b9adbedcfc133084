import { fuzz } from '../../../tensor-core/test/safetensors/fuzzing.ts';
import { pytorchAttack } from './pytorchAttack.ts';

// Files from before archives are a pickle from their first byte on.
fuzz('a changed pickle of PyTorch', {
  file: 'packages/model-zoo/test/fuzz/pickle.fuzz.test.ts',
  attack: await pytorchAttack(['stream.bin', 'nested.bin']),
});
