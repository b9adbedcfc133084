/** What the calls of one operator in one module took. */
export interface OperatorTime {
  /** The operator of ONNX, as it ran: the runtime may have fused several. */
  readonly op: string;
  /** The module that the calls come from; empty where it is not known. */
  readonly path: string;
  readonly calls: number;
  readonly milliseconds: number;
}

interface Event {
  readonly cat?: string;
  readonly name?: string;
  /** Microseconds. */
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

const suffix = '_kernel_time';

/** Adds up the profiles that ONNX Runtime writes, by operator and module; the longest first. */
export function timesOf(profiles: readonly string[]): readonly OperatorTime[] {
  const times = new Map<
    string,
    { op: string; path: string; calls: number; milliseconds: number }
  >();
  for (const profile of profiles)
    for (const { cat, name = '', dur = 0, args } of JSON.parse(profile) as Event[]) {
      if (cat !== 'Node' || !name.endsWith(suffix)) continue;
      const op = args?.op_name ?? '';
      // Nodes are called path/operator_value.
      const path = name.slice(0, Math.max(name.lastIndexOf('/'), 0));
      const time = times.get(`${path} ${op}`) ?? { op, path, calls: 0, milliseconds: 0 };
      time.calls += 1;
      time.milliseconds += dur / 1000;
      times.set(`${path} ${op}`, time);
    }
  return [...times.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
