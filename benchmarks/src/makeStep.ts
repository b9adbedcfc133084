import { applyUpdates, type Optimizer } from '@lorikeet/nn';
import {
  compile,
  currentBackend,
  evaluate,
  flattenTree,
  memoryScope,
  type Program,
  type Tensor,
  valueAndGrad,
} from '@lorikeet/tensor-core';
import { measure } from './measure.ts';

/** What a training step is made of. */
export interface StepParts<Live, Inputs> {
  /** What is trained. */
  readonly initial: Live;
  readonly optimizer: Optimizer<readonly unknown[]>;
  readonly inputs: Inputs;
  readonly loss: (live: Live, inputs: Inputs) => Tensor;
}

export interface PlainStep {
  /** One step. */
  run(): Promise<StepRun>;
}

interface StepRun {
  readonly loss: number;
  /** Seconds until the call returned; what is computed behind its back comes on top. */
  readonly host_s: number;
}

export interface CompiledStep extends PlainStep {
  /** Seconds to trace, optimise, lower and make the session. */
  readonly compile_s: number;
  /** Milliseconds to find the plan again. */
  readonly second_compile_ms: number;
  readonly program: Program;
  /** How many numbers are trained. */
  readonly trainable: number;
}

interface Advanced<Live> {
  readonly loss: Tensor;
  readonly live: Live;
  readonly state: readonly unknown[];
}

function advance<Live, Inputs>({ loss, optimizer }: StepParts<Live, Inputs>) {
  return (live: Live, state: readonly unknown[], inputs: Inputs): Advanced<Live> => {
    const { value, gradient } = valueAndGrad((part: Live) => loss(part, inputs))(live);
    const update = optimizer.update(gradient, state, live);
    return { loss: value, live: applyUpdates(live, update.updates), state: update.state };
  };
}

/** A step as one compiled program, which takes the memory of what it trains over. */
export async function compiledStep<Live, Inputs>(
  parts: StepParts<Live, Inputs>,
): Promise<CompiledStep> {
  const { initial, optimizer, inputs } = parts;
  const step = compile(advance(parts), { donate: [0, 1] });
  let live = initial;
  await evaluate(live);
  let state = await evaluate(optimizer.init(live));
  const start = performance.now();
  const program = step.program(live, state, inputs);
  await currentBackend().synchronize();
  const compile_s = (performance.now() - start) / 1000;
  const { median_s } = await measure(async () => void step.program(live, state, inputs), 0.05);
  return {
    compile_s,
    second_compile_ms: 1000 * median_s,
    program,
    trainable: flattenTree(initial).leaves.reduce((total, { size }) => total + size, 0),
    async run() {
      const begin = performance.now();
      const next = step(live, state, inputs);
      const host_s = (performance.now() - begin) / 1000;
      ({ live, state } = next);
      return { loss: await next.loss.item(), host_s };
    },
  };
}

/** A step that is traced anew each time. A scope frees what is left but its results, the collector those of the step before. */
export async function plainStep<Live, Inputs>(parts: StepParts<Live, Inputs>): Promise<PlainStep> {
  const { initial, optimizer, inputs } = parts;
  const step = advance(parts);
  let live = initial;
  await evaluate(live);
  let state = await evaluate(optimizer.init(live));
  return {
    async run() {
      using scope = memoryScope();
      const begin = performance.now();
      const next = scope.keep(step(live, state, inputs));
      const host_s = (performance.now() - begin) / 1000;
      const loss = await next.loss.item();
      ({ live, state } = next);
      return { loss, host_s };
    },
  };
}
