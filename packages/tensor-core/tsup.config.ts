import { packageConfig } from '../../scripts/tsup.base.ts';

export default packageConfig([
  'index',
  'safetensors/index',
  'safetensors/node',
  'backends/webgpu/index',
  'backends/webgpu/node',
]);
