import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lorikeet } from './capture.ts';

const golden = fileURLToPath(new URL('golden', import.meta.url));

interface Row {
  readonly kind: string;
  readonly case: string;
  readonly tensor: string;
  readonly error: number | null;
  readonly tolerance: number | null;
  readonly pass: boolean;
  readonly reason: string | null;
}

async function rows(...args: string[]): Promise<{ code: number; rows: Row[] }> {
  const { code, stdout } = await lorikeet('parity', ...args, '--json');
  return { code, rows: stdout === '' ? [] : stdout.split('\n').map((line) => JSON.parse(line)) };
}

describe('parity', () => {
  test('every tensor of a model passes: outputs, loss, gradients, generation', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'models/');
    expect(found.filter(({ pass }) => !pass)).toEqual([]);
    expect(found.map(({ tensor }) => tensor)).toEqual(
      expect.arrayContaining([
        'output.logits',
        'output.loss',
        'output.hidden_states.2',
        'grad.classifier.weight',
        'generate.sequences',
      ]),
    );
    expect(code).toBe(0);
  });

  test('an adapter passes: outputs, gradients under the keys of its file, merged weights', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'lora-qv');
    expect(found.filter(({ pass }) => !pass)).toEqual([]);
    expect(found.map(({ tensor }) => tensor)).toEqual(
      expect.arrayContaining([
        'output.merged_logits',
        'grad.base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight',
        'delta.bert.encoder.layer.0.attention.self.query.weight',
      ]),
    );
    expect(code).toBe(0);
  });

  test('a trajectory passes: losses and final values', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'trajectories');
    expect(found.filter(({ pass }) => !pass)).toEqual([]);
    expect(found.map(({ tensor }) => tensor)).toContain('output.losses');
    expect(code).toBe(0);
  });

  test('a budget of ranks is spent as in PEFT, step by step', async () => {
    const { rows: found } = await rows(golden, '--case', 'bert-adalora');
    expect(found.map(({ tensor }) => tensor)).toEqual(
      expect.arrayContaining([
        'step.3.budget',
        'step.3.nonzero.bert.encoder.layer.0.attention.self.query',
        'step.7.E.bert.encoder.layer.1.attention.self.value',
        'final.base_model.model.bert.encoder.layer.1.attention.self.value.lora_E',
      ]),
    );
  });

  test('a trajectory with an optimiser that is not there is not supported', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'parity-'));
    await cp(golden, dir, { recursive: true });
    const file = join(dir, 'trajectories', 'bert-lorafa', 'meta.json');
    const meta = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...meta, optimizer: { kind: 'LAMB', lr: 1 } }));
    const { rows: found } = await rows(dir, '--case', 'bert-lorafa');
    await rm(dir, { recursive: true });
    expect(found.map(({ reason }) => reason)).toEqual(['not supported: the optimiser LAMB']);
  });

  test('combinations of adapters pass: factors, their product, outputs', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'weighted');
    expect(found.filter(({ pass }) => !pass)).toEqual([]);
    expect(found.map(({ tensor }) => tensor)).toEqual(
      expect.arrayContaining([
        'adapter.two.logits',
        'case.linear-w1.delta',
        'case.ties-0.4-frequency.lora_A',
        'case.svd-3-w1.logits',
      ]),
    );
    expect(code).toBe(0);
  });

  test('a batch whose rows use different adapters passes', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'mixed-batch');
    expect(found.map(({ tensor, pass }) => [tensor, pass])).toEqual([['output.logits', true]]);
    expect(code).toBe(0);
  });

  test('every operation of PyTorch passes, but those that are not built, which say so', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'ops/');
    const missed = found.filter(({ pass }) => !pass);
    expect(missed.map((row) => row.case).sort()).toEqual([
      'ops/ctc_loss',
      'ops/gru',
      'ops/interpolate_bicubic',
      'ops/lstm',
    ]);
    for (const { reason } of missed) expect(reason).toMatch(/^not supported: the operation/);
    expect(found.length - missed.length).toBeGreaterThan(320);
    expect(found.map(({ tensor }) => tensor)).toEqual(
      expect.arrayContaining(['out.0', 'out.1', 'grad.x', 'grad.a']),
    );
    expect(code).toBe(1);
  });

  test('every schedule passes at every step', async () => {
    const { code, rows: found } = await rows(golden, '--case', 'schedules/');
    expect(found).toHaveLength(7);
    expect(found.filter(({ pass }) => !pass)).toEqual([]);
    expect(code).toBe(0);
  });

  test('an operation with a wrong value is a miss', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'lorikeet-parity-'));
    try {
      await cp(join(golden, 'ops.safetensors'), join(dir, 'ops.safetensors'));
      const cases = JSON.parse(await readFile(join(golden, 'ops.json'), 'utf8'));
      const silu = {
        ...cases.cases.find((one: Row & { name: string }) => one.name === 'silu'),
        op: 'mish',
      };
      await writeFile(join(dir, 'ops.json'), JSON.stringify({ ...cases, cases: [silu] }));
      const { code, rows: found } = await rows(dir);
      expect(found.map(({ tensor, pass }) => [tensor, pass])).toEqual([
        ['out.0', false],
        ['grad.x', false],
      ]);
      expect(code).toBe(1);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test('what is not supported is a row that did not pass, with the reason, and exit code 1', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'parity-'));
    try {
      await cp(golden, dir, { recursive: true });
      const file = join(dir, 'adapters', 'bert-seqcls', 'lora-dora', 'adapter_config.json');
      const config = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ ...config, use_qalora: true }));
      const { code, rows: found } = await rows(dir, '--case', 'lora-dora');
      expect(found).toEqual([
        {
          kind: 'adapter',
          case: 'adapters/bert-seqcls/lora-dora',
          tensor: '*',
          error: null,
          tolerance: null,
          pass: false,
          reason: expect.stringMatching(/^not supported: .*use_dora/),
        },
      ]);
      expect(code).toBe(1);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test('--only keeps the cases of some model types', async () => {
    const { rows: found } = await rows(golden, '--only', 'gpt2');
    const names = new Set(found.map((row) => row.case));
    expect([...names].filter((name) => !name.includes('gpt2-lm'))).toEqual([]);
    expect([...names]).toEqual(
      expect.arrayContaining([
        'models/gpt2-lm',
        'mixed-batch/gpt2-lm',
        'adapters/gpt2-lm/p-tuning',
      ]),
    );
  });

  test('without --json there is a line for people, and a count at the end', async () => {
    const { stdout, stderr } = await lorikeet('parity', golden, '--case', 'models/bert');
    expect(stdout).toMatch(/^pass {2}model {2}models\/bert-seqcls {2}output\.logits {2}error \d/m);
    expect(stderr).toMatch(/^\d+ passed, 0 failed, 0 not supported$/m);
  });

  test('a folder without reference values is an error', async () => {
    const { code, stderr } = await lorikeet('parity', tmpdir(), '--case', 'x');
    expect(code).toBe(1);
    expect(stderr).toContain('there are no reference values');
  });

  test('an unknown backend is an error that names the known ones', async () => {
    const { code, stderr } = await lorikeet('parity', golden, '--backend', 'cuda');
    expect(code).toBe(1);
    expect(stderr).toMatch(/'cuda'[\s\S]*reference/);
  });
});

describe('parity finds', () => {
  let copy: string;
  beforeEach(async () => {
    copy = await mkdtemp(join(tmpdir(), 'parity-'));
    await cp(join(golden, 'models/bert-seqcls'), join(copy, 'models/bert-seqcls'), {
      recursive: true,
    });
  });
  afterEach(() => rm(copy, { recursive: true, force: true }));

  const edit = async (file: string, change: (bytes: Buffer) => void): Promise<void> => {
    const path = join(copy, 'models/bert-seqcls', file);
    const bytes = await readFile(path);
    change(bytes);
    await writeFile(path, bytes);
  };

  test('a weight that is off', async () => {
    // The last element of the last tensor, classifier.weight.
    await edit('model.safetensors', (bytes) => bytes.writeFloatLE(5, bytes.length - 4));
    const { code, rows: found } = await rows(copy);
    expect(found.find(({ tensor }) => tensor === 'output.logits')?.pass).toBe(false);
    expect(found.find(({ tensor }) => tensor === 'output.hidden_states.1')?.pass).toBe(true);
    expect(code).toBe(1);
  });

  test('a result that is NaN', async () => {
    await edit('model.safetensors', (bytes) => bytes.writeFloatLE(Number.NaN, bytes.length - 4));
    const { rows: found } = await rows(copy);
    expect(found.find(({ tensor }) => tensor === 'output.logits')?.pass).toBe(false);
  });

  test('a truncated checkpoint, and goes on', async () => {
    const path = join(copy, 'models/bert-seqcls/model.safetensors');
    await writeFile(path, (await readFile(path)).subarray(0, 1000));
    const { code, rows: found } = await rows(copy);
    expect(found).toEqual([
      expect.objectContaining({
        tensor: '*',
        pass: false,
        reason: expect.stringMatching(/^invalid-file: /),
      }),
    ]);
    expect(code).toBe(1);
  });
});
