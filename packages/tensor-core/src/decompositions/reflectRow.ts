/** Takes `scale v (v . row)` from a row, both from a place of their own on. */
export function reflectRow(
  { vectors, from, scale }: { vectors: Float64Array; from: number; scale: number },
  { data, start }: { data: Float64Array; start: number },
  length: number,
): void {
  let sum = 0;
  for (let k = 0; k < length; k++)
    sum += (vectors[from + k] as number) * (data[start + k] as number);
  const part = scale * sum;
  for (let k = 0; k < length; k++)
    data[start + k] = (data[start + k] as number) - part * (vectors[from + k] as number);
}
