import { LorikeetError } from '@lorikeet/tensor-core';

/** Which text gives up tokens: the longer one in turns, or always the same. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second';

/**
 * How many tokens of each of two texts remain.
 *
 * @param lengths of the texts; the second is 0 where there is none.
 * @param room for both together.
 * @throws LorikeetError `invalid-argument` if the text that gives up tokens is too short.
 */
export function keptLengths(
  [first, second]: readonly [first: number, second: number],
  room: number,
  strategy: TruncationStrategy,
): readonly [first: number, second: number] {
  const excess = first + second - room;
  if (excess <= 0) return [first, second];
  if (strategy === 'longest_first')
    return room < 0 ? tooShort(room, 0) : shareRoom(first, second, room);
  const kept = (strategy === 'only_first' ? first : second) - excess;
  if (kept <= 0) return tooShort(room, strategy === 'only_first' ? second : first);
  return strategy === 'only_first' ? [kept, second] : [first, kept];
}

/** As much as possible of the shorter one; half of the room each if both are longer than that. */
function shareRoom(first: number, second: number, room: number): readonly [number, number] {
  const [short, long] = [Math.min(first, second), Math.max(first, second)];
  const rest = room - short;
  const isShortKept = rest >= short && rest <= long;
  const half = Math.floor(room / 2);
  const [kept, other] = isShortKept ? [short, rest] : [half, room - half];
  return first > second ? [other, kept] : [kept, other];
}

function tooShort(room: number, other: number): never {
  throw new LorikeetError('invalid-argument', 'the text cannot be made as short as asked', {
    path: 'maxLength',
    expected: `room for ${other} tokens of the other text and the marks`,
    received: `room for ${room}`,
    hint: 'raise maxLength or let the other text give up tokens',
  });
}
