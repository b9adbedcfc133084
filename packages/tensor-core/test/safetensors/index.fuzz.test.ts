import { bytesSource, readSharded } from '@lorikeet/tensor-core/safetensors';
import { expect } from 'vitest';
import { one, readAll, three, two } from './fuzzCorpus.ts';
import { fuzz, refusedOr } from './fuzzing.ts';
import { type Dice, mutateText } from './mutate.ts';

const weightMap = { a: '1', b: '1', c: '1', d: '1', 'x.weight': '2', 'x.bias': '2' };
const index = JSON.stringify({
  metadata: { total_size: 1e3, note: [null, true] },
  weight_map: Object.fromEntries(
    Object.entries(weightMap).map(([k, n]) => [k, `${n}.safetensors`]),
  ),
});

/** A mutated index is refused, or is what an ordinary JSON parser says it is. */
async function attackIndex(dice: Dice): Promise<boolean> {
  let text = index;
  for (let count = 1 + dice(3); count > 0; count--) text = mutateText(text, dice);
  const shards = new Map([
    ['1.safetensors', one],
    ['2.safetensors', two],
  ]);
  const open = async (name: string) => {
    const isPlain = /^[^./\\:][^/\\:]*\.safetensors$/.test(name);
    if (!isPlain) throw new Error(`the shard ${name} is not beside the index`);
    return bytesSource(shards.get(name) ?? three);
  };
  const file = await refusedOr(() => readSharded(text, open), ['invalid-file', 'missing-tensor']);
  if (file === undefined) return false;
  expect([...file.entries.keys()].sort()).toEqual(Object.keys(JSON.parse(text).weight_map).sort());
  await readAll(file, dice);
  return true;
}

fuzz('a mutated index', {
  file: 'packages/tensor-core/test/safetensors/index.fuzz.test.ts',
  attack: attackIndex,
});
