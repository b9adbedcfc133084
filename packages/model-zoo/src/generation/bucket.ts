/**
 * The next larger size for which programs are made: powers of two and what is midway between them, from 16 up. So many
 * lengths share a program, and no more than half of the work is for padding.
 */
export function bucketOf(length: number): number {
  let size = 16;
  while (size < length) size *= 2;
  const middle = (3 * size) / 4;
  return size > 16 && length <= middle ? middle : size;
}
