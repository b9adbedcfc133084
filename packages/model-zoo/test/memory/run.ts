/** Loads a folder as the dtype that is asked for, and says by how many bytes the process has grown at its largest. */
import { load } from '@lorikeet/model-zoo/node';
import { evaluate } from '@lorikeet/tensor-core';

const [dir = '', dtype] = process.argv.slice(2);
const before = process.memoryUsage.rss();
const model = await load(dir, { dtype: dtype === 'f16' || dtype === 'bf16' ? dtype : 'f32' });
await evaluate(model);
console.log(1024 * process.resourceUsage().maxRSS - before);
