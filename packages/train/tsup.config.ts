import { packageConfig } from '../../scripts/tsup.base.ts';

export default packageConfig([
  'data/index',
  'data/node',
  'index',
  'metrics/index',
  'node',
  'progress',
  'report',
]);
