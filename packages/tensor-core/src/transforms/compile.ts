import type { Backend, Executable } from '../backend.ts';
import { currentBackend } from '../backends.ts';
import { LorikeetError } from '../errors.ts';
import { identityOf } from '../identity.ts';
import { LruCache } from '../lruCache.ts';
import { OpenScope } from '../openScope.ts';
import type { Program } from '../program.ts';
import { realize, storageOf } from '../realize.ts';
import { Storage } from '../storage.ts';
import { Tensor } from '../tensor.ts';
import { isTracing } from '../tracing.ts';
import { flattenTree, type Structure, unflattenTree } from '../tree.ts';
import { formatType, type TensorType } from '../type.ts';
import { traceProgram } from './traceProgram.ts';

export interface CompileOptions {
  /** Positions of arguments whose memory the call may take over: their tensors cannot be used afterwards. */
  readonly donate?: readonly number[];
  /** How many plans are kept, one for each signature. Defaults to 16. */
  readonly maxPlans?: number;
}

/** A function whose computation is traced once for each signature and then only run. */
export interface Compiled<Args extends readonly unknown[], Out> {
  (...args: Args): Out;
  /** The program that a call with such arguments runs. */
  program(...args: Args): Program;
  /** Plans in memory now. */
  readonly planCount: () => number;
}

type FlatTree = ReturnType<typeof flattenTree>;

interface Plan {
  readonly executable: Executable;
  readonly outputs: Structure;
  /** Of each tensor among the outputs. */
  readonly types: readonly TensorType[];
  /** Keeps what the program closes over alive. */
  readonly constants: readonly Storage[];
}

/**
 * Traces `fn` once for each signature of its arguments (structure, shapes, dtypes, and everything that is
 * not a tensor), optimises the program, and runs it from then on.
 *
 * `fn` must be pure. Computed tensors that it closes over are constants of the program. Called inside
 * another transform, it is recorded there like any function.
 */
export function compile<Args extends readonly unknown[], Out>(
  fn: (...args: Args) => Out,
  options: CompileOptions = {},
): Compiled<Args, Out> {
  const { donate = [], maxPlans = 16 } = options;
  const plans = new LruCache<Plan>(maxPlans);

  const planFor = (args: Args, parts: readonly FlatTree[]): Plan => {
    const backend = currentBackend();
    const types = parts.flatMap(({ leaves }) => leaves.map(({ type }) => formatType(type)));
    const key = [
      identityOf(backend),
      ...types,
      ...parts.map(({ structure }) => structure.key),
    ].join(' ');
    const known = plans.get(key);
    if (known !== undefined && !known.constants.some(({ isFreed }) => isFreed)) return known;
    const plan = ownConstants(() => makePlan(backend, args));
    plans.set(key, plan);
    return plan;
  };

  const makePlan = (backend: Backend, args: Args): Plan => {
    const { leaves, structure } = flattenTree(args);
    const owners = args.flatMap((arg, position) => flattenTree(arg).leaves.map(() => position));
    const donated = [...owners.keys()].filter((i) => donate.includes(owners[i] ?? -1));
    const given = leaves.map(({ type }) => type);
    const { program, outputs, types } = traceProgram(
      fn,
      given,
      structure,
      backend.limits().isNative,
    );
    const { constants } = program;
    const executable = backend.compile(
      // A backend may keep the program for longer than anybody has the tensors.
      { ...program, constants: constants.map(({ type }) => ({ type })) },
      constants.map((constant) => constant.on(backend)),
      donated,
    );
    return { executable, outputs, types, constants };
  };

  const call = (...args: Args): Out => {
    if (isTracing()) return fn(...args);
    const parts = args.map(flattenTree);
    const leaves = parts.flatMap((part) => part.leaves);
    realize(...leaves);
    const { executable, outputs, types } = planFor(args, parts);
    const backend = currentBackend();
    const buffers = backend.run(
      executable,
      leaves.map((leaf) => storageOf(leaf).on(backend)),
    );
    const results = types.map((type, i) => {
      const buffer = buffers[i];
      if (buffer === undefined)
        throw new LorikeetError('internal', 'a program returned too few results');
      return new Tensor(type, {
        kind: 'storage',
        storage: Storage.ofBuffer(type, backend, buffer),
      });
    });
    for (const position of donate)
      for (const leaf of parts[position]?.leaves ?? []) storageOf(leaf).free();
    return unflattenTree(outputs, results) as Out;
  };

  return Object.assign(call, {
    program(...args: Args): Program {
      return planFor(args, args.map(flattenTree)).executable.program;
    },
    planCount: () => plans.size,
  });
}

/** A plan outlives the memory scope in which it is made, and so do the constants that are made with it. */
function ownConstants(make: () => Plan): Plan {
  const scope = new OpenScope();
  let owned: readonly Storage[] = [];
  try {
    const plan = make();
    owned = plan.constants;
    return plan;
  } finally {
    scope.handOver(new Set(owned));
  }
}
