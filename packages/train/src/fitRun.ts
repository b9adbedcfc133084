import { combine, ema, type Part, partition } from '@lorikeet/nn';
import {
  alias,
  currentBackend,
  evaluate,
  foldIn,
  full,
  isLorikeetError,
  LorikeetError,
  mapTensors,
  memoryScope,
  randomKey,
  type Tensor,
  toHost,
  useBackend,
} from '@lorikeet/tensor-core';
import { inGroups, type ReadUpTo, remaining } from './batchGroups.ts';
import { compileStep, type StepState, type TrainingStep } from './compileStep.ts';
import type { Batch, Evaluation, FitCallbacks, FitOptions, StepReport } from './fitOptions.ts';
import { isOver, type Watch, watch } from './monitor.ts';
import { checkpointOf, type RunSettings, type Snapshot, snapshotOf } from './snapshot.ts';

/** Steps whose losses are not known yet: the device goes on while the host waits for one. */
const maxPending = 2;
/** Devices that may get lost before any further state is kept. */
const maxLosses = 3;

const unread: ReadUpTo = { batch: 0, data: null };

interface Pending extends Pick<StepReport, 'step' | 'epoch' | 'tokens'> {
  readonly facts: Tensor;
  readonly measures: readonly string[];
}

/** One call of `fit`: where it stands, and what it goes on from if a device is lost or too small. */
export class FitRun<Model, Inputs, Metrics> {
  readonly steps: StepReport[] = [];
  readonly evaluations: Evaluation<Metrics>[] = [];
  readonly #options: FitOptions<Model, Inputs, Metrics>;
  readonly #settings: RunSettings;
  readonly #frozen: Part<Model>;
  readonly #key: Tensor;
  #kept: Snapshot<Model, Metrics>;
  #state: StepState<Model>;
  #epoch = 1;
  #read: ReadUpTo = unread;
  #step = 0;
  #watch: Watch | undefined;
  #best: Part<Model> | undefined;
  #pending: Pending[] = [];
  /** What the caller was told of: the last step, how many evaluations, the step of the last checkpoint. */
  #told: { step: number; evaluations: number; checkpoint: number };
  #lastKnown = performance.now();
  #losses = 0;
  #checkpointsGradients: boolean;
  #compiled: TrainingStep<Model, Inputs>;

  private constructor(
    options: FitOptions<Model, Inputs, Metrics>,
    trainable: Part<Model>,
    frozen: Part<Model>,
  ) {
    this.#options = options;
    this.#settings = {
      seed: options.seed ?? 0,
      accumulate: options.accumulate ?? 1,
      precision: options.precision ?? null,
    };
    this.#frozen = frozen;
    this.#key = randomKey(this.#settings.seed);
    this.#checkpointsGradients = options.gradientCheckpointing === true;
    this.#compiled = compileStep(options, frozen, this.#checkpointsGradients);
    this.#state = this.#compiled.init(trainable);
    this.#kept = {
      position: { epoch: 1, step: 0, ...unread },
      state: this.#state,
      steps: [],
      evaluations: [],
      watch: undefined,
      best: undefined,
    };
    this.#told = { step: 0, evaluations: 0, checkpoint: 0 };
  }

  /** A run from the start, or from the last checkpoint. */
  static async start<Model, Inputs, Metrics>(
    options: FitOptions<Model, Inputs, Metrics>,
  ): Promise<FitRun<Model, Inputs, Metrics>> {
    const [trainable, frozen] = partition(options.model, options.trainable);
    // What is on a device alone is lost with it.
    const settle = options.recover === undefined ? evaluate : toHost;
    const run = new FitRun(options, await settle(trainable), await settle(frozen));
    const checkpoint = await options.checkpoints?.latest();
    if (checkpoint !== undefined) {
      const kept = await snapshotOf<Model, Metrics>(checkpoint, run.#state, run.#settings);
      run.#kept = kept;
      const { step } = kept.position;
      run.#told = { step, evaluations: kept.evaluations.length, checkpoint: step };
    }
    const { step, evaluations } = run.#told;
    await run.#tell((callbacks) => callbacks.onStart?.({ step, evaluations }));
    return run;
  }

  get model(): Model {
    return combine(this.#evaluated(), this.#frozen);
  }

  get best(): { readonly model: Model; readonly step: number; readonly value: number } | undefined {
    if (this.#best === undefined || this.#watch === undefined) return undefined;
    const { step, value } = this.#watch;
    return { model: combine(this.#best, this.#frozen), step, value };
  }

  get isStoppedEarly(): boolean {
    const { monitor } = this.#options;
    return monitor !== undefined && this.#watch !== undefined && isOver(monitor, this.#watch);
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

  async end(): Promise<void> {
    await this.#tell((callbacks) => callbacks.onEnd?.());
  }

  get #isOver(): boolean {
    const { epochs, maxSteps = Number.POSITIVE_INFINITY } = this.#options;
    return this.#epoch > epochs || this.#step >= maxSteps || this.isStoppedEarly;
  }

  async #train(): Promise<void> {
    const { batches, evaluateEvery, checkpointEvery } = this.#options;
    while (!this.#isOver) {
      const left = remaining(batches(this.#epoch), this.#read);
      for await (const group of inGroups(left, this.#settings.accumulate)) {
        const data = group.at(-1)?.next ?? null;
        const batch = this.#read.batch + group.length;
        await this.#take(
          group.map((read) => read.batch),
          { batch, data },
        );
        if (this.#isOver) break;
      }
      await this.#settle(0);
      if (this.#isOver) break;
      if (evaluateEvery === undefined) await this.#evaluate();
      this.#epoch += 1;
      this.#read = unread;
      if (checkpointEvery === undefined) await this.#save();
    }
    if (this.evaluations.at(-1)?.step !== this.#step) await this.#evaluate();
    await this.#save();
  }

  /** @param read up to where the epoch is read behind the group. */
  async #take(group: readonly Batch<Inputs>[], read: ReadUpTo): Promise<void> {
    const { facts, measures, state } = runStep(() =>
      this.#compiled.run(this.#state, sharesOf(group), foldIn(this.#key, this.#step)),
    );
    this.#state = state;
    this.#step += 1;
    this.#read = read;
    const tokens = group.reduce((sum, batch) => sum + batch.tokens, 0);
    this.#pending.push({ step: this.#step, epoch: this.#epoch, tokens, facts, measures });
    await this.#settle(maxPending);
    const { recover, keepEvery = 100, evaluateEvery, checkpointEvery } = this.#options;
    if (isDue(this.#step, evaluateEvery)) await this.#evaluate();
    if (isDue(this.#step, checkpointEvery)) await this.#save();
    if (recover !== undefined && isDue(this.#step, keepEvery)) this.#keep(await this.#snapshot());
  }

  /** Waits until no more than so many losses are unknown. */
  async #settle(most: number): Promise<void> {
    while (this.#pending.length > most) {
      const [oldest] = this.#pending;
      if (oldest === undefined) return;
      const { step, epoch, tokens, facts, measures } = oldest;
      const [loss = Number.NaN, gradientNorm = Number.NaN, ...rest] = await facts.data();
      this.#pending.shift();
      const now = performance.now();
      const report: StepReport = {
        step,
        epoch,
        loss,
        gradientNorm,
        tokens,
        seconds: (now - this.#lastKnown) / 1000,
        liveBytes: currentBackend().limits().liveBytes(),
        measures: Object.fromEntries(measures.map((name, i) => [name, rest[i] ?? Number.NaN])),
      };
      this.#lastKnown = now;
      this.steps.push(report);
      if (!Number.isFinite(loss)) throw diverged(report);
      if (step <= this.#told.step) continue;
      this.#told.step = step;
      await this.#tell((callbacks) => callbacks.onStep?.(report));
    }
  }

  /** What trains, as it is evaluated. */
  #evaluated(): Part<Model> {
    const { trainable, ema: state } = this.#state;
    return state === null ? trainable : ema(this.#options.ema).average(trainable, state);
  }

  async #evaluate(): Promise<void> {
    const { evaluate: measure, monitor } = this.#options;
    if (measure === undefined) return;
    await this.#settle(0);
    const [epoch, step] = [this.#epoch, this.#step];
    const part = await evaluate(this.#evaluated());
    const evaluation = { step, epoch, metrics: await measure(combine(part, this.#frozen), epoch) };
    this.evaluations.push(evaluation);
    if (monitor !== undefined) {
      this.#watch = watch(monitor, this.#watch, evaluation);
      // A copy, since the next step takes over the memory.
      if (this.#watch.step === step) this.#best = await toHost(part);
    }
    if (this.evaluations.length <= this.#told.evaluations) return;
    this.#told.evaluations = this.evaluations.length;
    await this.#tell((callbacks) => callbacks.onEvaluation?.(evaluation));
  }

  async #save(): Promise<void> {
    const { checkpoints } = this.#options;
    if (checkpoints === undefined || this.#told.checkpoint === this.#step) return;
    const snapshot = await this.#snapshot();
    await checkpoints.save(checkpointOf(snapshot, this.#settings));
    if (this.#options.recover !== undefined) this.#keep(snapshot);
    const { step } = snapshot.position;
    this.#told.checkpoint = step;
    await this.#tell((callbacks) => callbacks.onCheckpoint?.(step));
  }

  async #snapshot(): Promise<Snapshot<Model, Metrics>> {
    await this.#settle(0);
    return {
      position: { epoch: this.#epoch, step: this.#step, ...this.#read },
      state: await toHost(this.#state),
      steps: [...this.steps],
      evaluations: [...this.evaluations],
      watch: this.#watch,
      best: this.#best,
    };
  }

  #keep(snapshot: Snapshot<Model, Metrics>): void {
    this.#kept = snapshot;
    this.#losses = 0;
  }

  /** Makes it possible to go on from what was kept, or throws the error. */
  async #mend(error: unknown): Promise<void> {
    const { recover, gradientCheckpointing } = this.#options;
    const code = isLorikeetError(error) ? error.code : undefined;
    if (code === 'device-lost' && recover !== undefined && this.#losses < maxLosses) {
      this.#losses += 1;
      useBackend(await recover());
    } else if (
      code === 'out-of-memory' &&
      gradientCheckpointing === 'auto' &&
      !this.#checkpointsGradients
    ) {
      this.#checkpointsGradients = true;
      this.#compiled = compileStep(this.#options, this.#frozen, true);
    } else throw error;
  }

  async #goBack(): Promise<void> {
    const { position, state, steps, evaluations, best } = this.#kept;
    this.#pending = [];
    this.steps.splice(0, this.steps.length, ...steps);
    this.evaluations.splice(0, this.evaluations.length, ...evaluations);
    const { batch, data } = position;
    [this.#epoch, this.#step, this.#read] = [position.epoch, position.step, { batch, data }];
    [this.#watch, this.#best] = [this.#kept.watch, best];
    // Copies, since a step takes over the memory of what it is given.
    this.#state = await evaluate(mapTensors(state, alias));
  }

  async #tell(
    message: (callbacks: FitCallbacks<Metrics>) => void | Promise<void> | undefined,
  ): Promise<void> {
    for (const callbacks of this.#options.callbacks ?? []) await message(callbacks);
  }
}

/** The batches of a step, each with its share in it. */
function sharesOf<Inputs>(group: readonly Batch<Inputs>[]) {
  const total = group.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return group.map(({ inputs, weight = 1 }) => ({
    inputs,
    share: group.length === 1 ? null : full([], total === 0 ? 0 : weight / total),
  }));
}

function isDue(step: number, every: number | undefined): boolean {
  return every !== undefined && step % every === 0;
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
