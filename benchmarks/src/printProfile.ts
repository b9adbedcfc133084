import type { OperatorTime } from '@lorikeet/onnx/node';

/** A table of what takes the time of one step, by operator, and by operator and module. */
export function printProfile(times: readonly OperatorTime[], steps: number): void {
  // What runs once, such as the preparation of the state, is no part of a step.
  const repeated = times.filter(({ calls }) => calls % steps === 0);
  const total = repeated.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const row = (name: string, calls: number, milliseconds: number): string =>
    `${(milliseconds / steps).toFixed(2).padStart(9)} ms ${((100 * milliseconds) / total).toFixed(1).padStart(5)} % ${String(calls / steps).padStart(5)} calls  ${name}`;
  const byOperator = new Map<string, { calls: number; milliseconds: number }>();
  for (const { op, calls, milliseconds } of repeated) {
    const sum = byOperator.get(op) ?? { calls: 0, milliseconds: 0 };
    byOperator.set(op, { calls: sum.calls + calls, milliseconds: sum.milliseconds + milliseconds });
  }
  console.log(`operators, of ${(total / steps).toFixed(1)} ms a step:`);
  for (const [op, { calls, milliseconds }] of [...byOperator].sort(
    (a, b) => b[1].milliseconds - a[1].milliseconds,
  ))
    console.log(row(op, calls, milliseconds));
  console.log('the longest by module:');
  for (const { op, path, calls, milliseconds } of repeated.slice(0, 30))
    console.log(row(`${op} ${path}`, calls, milliseconds));
}
