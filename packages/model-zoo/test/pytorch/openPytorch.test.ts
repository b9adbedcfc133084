import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPytorch } from '@lorikeet/model-zoo/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pickleOf, textOf, u32 } from './pickleByHand.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pytorch/', import.meta.url));
const expected = JSON.parse(await readFile(join(fixtures, 'expected.json'), 'utf8')) as Record<
  string,
  { readonly shape: readonly number[]; readonly values: readonly number[] }
>;

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pytorch-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('what torch.save wrote is read', () => {
  test.each(['archive.bin', 'stream.bin', 'pytorch_model.bin.index.json'])(
    'from %s',
    async (name) => {
      const file = await openPytorch(join(fixtures, name));
      const found: Record<string, unknown> = {};
      for (const [tensor, { shape }] of file.entries)
        found[tensor] = { shape, values: [...(await file.readAs(tensor, 'f64'))] };
      await file.close();
      expect(found).toEqual(expected);
    },
  );

  test('of a module, and of a training program', async () => {
    const module = await openPytorch(join(fixtures, 'module.bin'));
    expect([...module.entries].map(([name, { shape }]) => [name, shape])).toEqual([
      ['bias', [3]],
      ['weight', [3, 2]],
    ]);
    await module.close();
    const nested = await openPytorch(join(fixtures, 'nested.bin'));
    expect([...(await nested.readAs('a', 'f32'))]).toEqual([1, 1]);
    await nested.close();
  });
});

/** A call of a function with one text, as pickles that run something have it. */
const attack = (module: string, name: string): Uint8Array =>
  pickleOf(0x80, 2, `c${module}\n${name}\n`, textOf('echo pwned'), 0x85, 'R', '.');

const hostile: Readonly<Record<string, Uint8Array>> = {
  'a call of a shell': attack('os', 'system'),
  'a call of eval': attack('builtins', 'eval'),
  'a call of what a record inherits': attack('constructor', 'toString'),
  'a text of 4 GB': pickleOf(0x80, 2, 'X', u32(0xffffffff), 'a'),
  'an integer of 4 GB': pickleOf(0x80, 2, 0x8b, u32(0xffffffff), 'a'),
  'an instruction of protocol 0': pickleOf(0x80, 2, 'I1\n.'),
  'a stack that runs empty': pickleOf(0x80, 2, 'R.'),
  'a mark that is missing': pickleOf(0x80, 2, 'u.'),
  'another number than PyTorch begins with': pickleOf(0x80, 2, 'K', 1, '.'),
  nothing: new Uint8Array(),
  'something else': new TextEncoder().encode('this is no checkpoint'.repeat(40)),
};

describe('a hostile file is refused', () => {
  test.each(Object.entries(hostile))('%s', async (name, bytes) => {
    const path = join(scratch, `${name}.bin`);
    await writeFile(path, bytes);
    await expect(openPytorch(path)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('a name that leads out of the archive', async () => {
    const path = join(scratch, 'out.bin');
    const bytes = await readFile(join(fixtures, 'archive.bin'));
    // A name of the same length, in the entry and in the directory.
    const text = bytes.toString('latin1').replaceAll('archive/data.pkl', '../hive/data.pkl');
    await writeFile(path, Buffer.from(text, 'latin1'));
    await expect(openPytorch(path)).rejects.toMatchObject({
      code: 'invalid-file',
      received: expect.stringContaining('..'),
    });
  });

  test('a shard that is not beside its index', async () => {
    const path = join(scratch, 'pytorch_model.bin.index.json');
    await cp(fixtures, scratch, { recursive: true });
    await writeFile(path, JSON.stringify({ weight_map: { a: '../../etc/passwd.bin' } }));
    await expect(openPytorch(path)).rejects.toMatchObject({ code: 'invalid-file' });
  });

  test('a tensor that is larger than its storage', async () => {
    const path = join(scratch, 'large.bin');
    const bytes = await readFile(join(fixtures, 'stream.bin'));
    // The shape of the first tensor: (2, 3), as K 2 K 3 and a tuple of two.
    const at = bytes.indexOf(Buffer.from([0x4b, 2, 0x4b, 3, 0x86]));
    bytes[at + 3] = 200;
    await writeFile(path, bytes);
    await expect(openPytorch(path)).rejects.toMatchObject({
      code: 'invalid-file',
      path: `${path}: f32`,
    });
  });
});
