import { combine, type Part, partition } from '@lorikeet/nn';
import {
  alias,
  evaluate,
  foldIn,
  isLorikeetError,
  LorikeetError,
  mapTensors,
  memoryScope,
  randomKey,
  type Tensor,
  toHost,
  useBackend,
} from '@lorikeet/tensor-core';
import { type CompiledStep, compileStep } from './compileStep.ts';
import type { Batch, EpochReport, FitOptions, StepReport } from './fitOptions.ts';

/** Steps whose losses are not known yet: the device goes on while the host waits for one. */
const maxPending = 2;
/** Devices that may get lost before any further state is kept. */
const maxLosses = 3;

/** A state of training from which it can go on. */
interface Kept<Model> {
  readonly trainable: Part<Model>;
  /** Of the optimiser; nothing before the first step. */
  readonly state: unknown;
  readonly epoch: number;
  /** How many of its batches are done. */
  readonly batch: number;
  readonly step: number;
  readonly reports: number;
}

interface Pending {
  readonly report: Omit<StepReport, 'loss' | 'seconds'>;
  readonly loss: Tensor;
}

/** One call of `fit`: where it stands, and what it goes on from if a device is lost or too small. */
export class FitRun<Model, Inputs, Metrics> {
  readonly steps: StepReport[] = [];
  readonly reports: EpochReport<Metrics>[] = [];
  readonly #options: FitOptions<Model, Inputs, Metrics>;
  readonly #frozen: Part<Model>;
  readonly #key: Tensor;
  #kept: Kept<Model>;
  #trainable: Part<Model>;
  #state: unknown;
  #epoch = 1;
  #batch = 0;
  #step = 0;
  #pending: Pending[] = [];
  /** Steps that the caller was told of. */
  #told = 0;
  #lastKnown = performance.now();
  #losses = 0;
  #checkpoints: boolean;
  #compiled: CompiledStep<Model, Inputs>;

  private constructor(
    options: FitOptions<Model, Inputs, Metrics>,
    trainable: Part<Model>,
    frozen: Part<Model>,
  ) {
    this.#options = options;
    this.#frozen = frozen;
    this.#trainable = trainable;
    this.#key = randomKey(options.seed ?? 0);
    this.#kept = { trainable, state: undefined, epoch: 1, batch: 0, step: 0, reports: 0 };
    this.#checkpoints = options.checkpoint === true;
    this.#compiled = compileStep(options, frozen, this.#checkpoints);
  }

  static async start<Model, Inputs, Metrics>(
    options: FitOptions<Model, Inputs, Metrics>,
  ): Promise<FitRun<Model, Inputs, Metrics>> {
    const [trainable, frozen] = partition(options.model, options.trainable);
    // What is on a device alone is lost with it.
    if (options.recover === undefined)
      return new FitRun(options, await evaluate(trainable), await evaluate(frozen));
    return new FitRun(options, await toHost(trainable), await toHost(frozen));
  }

  get model(): Model {
    return combine(this.#trainable, this.#frozen);
  }

  async toEnd(): Promise<void> {
    for (;;) {
      try {
        await this.#goBack();
        await this.#train();
        return;
      } catch (error) {
        await this.#mend(error);
      }
    }
  }

  async #train(): Promise<void> {
    const { epochs, batches } = this.#options;
    for (; this.#epoch <= epochs; this.#epoch++) {
      const done = this.#batch;
      let number = 0;
      for await (const batch of batches(this.#epoch)) {
        number += 1;
        if (number > done) await this.#take(batch);
      }
      await this.#settle(0);
      this.#batch = 0;
      if (this.#options.evaluate === undefined) continue;
      const epoch = this.#epoch;
      this.reports.push({ epoch, metrics: await this.#options.evaluate(this.model, epoch) });
    }
  }

  async #take({ inputs, tokens }: Batch<Inputs>): Promise<void> {
    const { loss, trainable, state } = runStep(() =>
      this.#compiled(this.#trainable, this.#state, inputs, foldIn(this.#key, this.#step)),
    );
    this.#trainable = trainable;
    this.#state = state;
    this.#step += 1;
    this.#batch += 1;
    this.#pending.push({ report: { step: this.#step, epoch: this.#epoch, tokens }, loss });
    await this.#settle(maxPending);
    const { recover, keepEvery = 100 } = this.#options;
    if (recover !== undefined && this.#step % keepEvery === 0) await this.#keep();
  }

  /** Waits until no more than so many losses are unknown. */
  async #settle(most: number): Promise<void> {
    while (this.#pending.length > most) {
      const [oldest] = this.#pending;
      if (oldest === undefined) return;
      const loss = await oldest.loss.item();
      this.#pending.shift();
      const now = performance.now();
      const report = { ...oldest.report, loss, seconds: (now - this.#lastKnown) / 1000 };
      this.#lastKnown = now;
      this.steps.push(report);
      if (!Number.isFinite(loss)) throw diverged(report);
      if (report.step <= this.#told) continue;
      this.#told = report.step;
      this.#options.onStep?.(report);
    }
  }

  async #keep(): Promise<void> {
    await this.#settle(0);
    this.#kept = {
      trainable: await toHost(this.#trainable),
      state: await toHost(this.#state),
      epoch: this.#epoch,
      batch: this.#batch,
      step: this.#step,
      reports: this.reports.length,
    };
    this.#losses = 0;
  }

  /** Makes it possible to go on from what was kept, or throws the error. */
  async #mend(error: unknown): Promise<void> {
    const { recover, checkpoint } = this.#options;
    const code = isLorikeetError(error) ? error.code : undefined;
    if (code === 'device-lost' && recover !== undefined && this.#losses < maxLosses) {
      this.#losses += 1;
      useBackend(await recover());
    } else if (code === 'out-of-memory' && checkpoint === 'auto' && !this.#checkpoints) {
      this.#checkpoints = true;
      this.#compiled = compileStep(this.#options, this.#frozen, true);
    } else throw error;
  }

  async #goBack(): Promise<void> {
    const { trainable, state, epoch, batch, step, reports } = this.#kept;
    this.#pending = [];
    this.steps.length = step;
    this.reports.length = reports;
    [this.#epoch, this.#batch, this.#step] = [epoch, batch, step];
    // Copies, since a step takes over the memory of what it is given.
    this.#trainable = await evaluate(mapTensors(trainable, alias));
    this.#state = await evaluate(
      state === undefined
        ? this.#options.optimizer.init(this.#trainable)
        : mapTensors(state, alias),
    );
  }
}

/** Frees what a step made besides its results. */
function runStep<T>(step: () => T): T {
  using scope = memoryScope();
  return scope.keep(step());
}

function diverged({ step, epoch, loss }: StepReport): LorikeetError {
  return new LorikeetError('not-finite', `the loss is ${loss} in step ${step} (epoch ${epoch})`, {
    expected: 'a finite loss',
    received: String(loss),
    hint: 'lower the learning rate, clip the gradients, or look for NaN in the data and the checkpoint',
  });
}
