import { LorikeetError } from '@lorikeet/tensor-core';

/** A run of tokens of one type, `end` not included. */
export interface Entity {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/**
 * How tags mark entities. 'lenient': as conlleval reads them and seqeval does by default, whatever B, I, E and S are
 * used; the others are strict, as seqeval with `mode='strict'`: what does not obey the scheme is no entity.
 */
export type TagScheme = 'lenient' | 'IOB1' | 'IOB2' | 'IOBES';

interface Tag {
  readonly prefix: string;
  readonly type: string;
}

const outside: Tag = { prefix: 'O', type: '_' };

/**
 * The entities of a sentence.
 *
 * @param tags such as `B-PER`, `I-PER`, `O`; a tag without a type has the type `_`.
 * @throws LorikeetError `invalid-argument` for a tag that the scheme does not know.
 */
export function entitiesOf(tags: readonly string[], scheme: TagScheme = 'lenient'): Entity[] {
  const read = tags.map((tag, i) => readTag(tag, i, scheme));
  return scheme === 'lenient' ? lenientEntities(read) : strictEntities(read, scheme);
}

function readTag(text: string, position: number, scheme: TagScheme): Tag {
  const prefix = text.slice(0, 1);
  const known = scheme === 'lenient' || scheme === 'IOBES' ? 'OBIES' : 'OBI';
  if (prefix === '' || !known.includes(prefix) || (prefix === 'O' && text !== 'O')) {
    throw new LorikeetError(
      'invalid-argument',
      `the tag of token ${position} is not one of ${scheme}`,
      {
        expected: `a tag that begins with one of ${[...known].join(', ')}`,
        received: JSON.stringify(text),
      },
    );
  }
  return { prefix, type: text.slice(1).replace(/^-/, '') || '_' };
}

/** A new entity begins at B and S, after E and S, and wherever the type changes. */
function lenientEntities(tags: readonly Tag[]): Entity[] {
  const found: Entity[] = [];
  let open: { type: string; start: number } | undefined;
  let before = outside;
  [...tags, outside].forEach((tag, i) => {
    const goesOn =
      tag.prefix !== 'O' &&
      !'BS'.includes(tag.prefix) &&
      !'ESO'.includes(before.prefix) &&
      before.type === tag.type;
    if (!goesOn) {
      if (open !== undefined) found.push({ ...open, end: i });
      open = tag.prefix === 'O' ? undefined : { type: tag.type, start: i };
    }
    before = tag;
  });
  return found;
}

function strictEntities(tags: readonly Tag[], scheme: 'IOB1' | 'IOB2' | 'IOBES'): Entity[] {
  const found: Entity[] = [];
  for (let start = 0; start < tags.length; ) {
    const first = tags[start] ?? outside;
    if (!begins(first, tags[start - 1] ?? outside, scheme)) {
      start += 1;
      continue;
    }
    let end = start + 1;
    while (goesOn(tags[end], tags[end - 1] ?? outside)) end += 1;
    if (isWhole(tags[end - 1] ?? outside, tags[end] ?? outside, scheme))
      found.push({ type: first.type, start, end });
    start = end;
  }
  return found;
}

function begins(tag: Tag, before: Tag, scheme: 'IOB1' | 'IOB2' | 'IOBES'): boolean {
  if (scheme === 'IOB2') return tag.prefix === 'B';
  if (scheme === 'IOBES') return tag.prefix === 'B' || tag.prefix === 'S';
  // In IOB1 a B only parts an entity from one of the same type before it.
  if (tag.prefix === 'B') return before.prefix !== 'O' && before.type === tag.type;
  return tag.prefix === 'I' && (before.prefix !== 'I' || before.type !== tag.type);
}

function goesOn(tag: Tag | undefined, before: Tag): boolean {
  return (
    tag !== undefined &&
    (tag.prefix === 'I' || tag.prefix === 'E') &&
    (before.prefix === 'B' || before.prefix === 'I') &&
    tag.type === before.type
  );
}

function isWhole(last: Tag, next: Tag, scheme: 'IOB1' | 'IOB2' | 'IOBES'): boolean {
  if (scheme === 'IOBES') return last.prefix === 'E' || last.prefix === 'S';
  // seqeval's table has no end for this case of IOB1, which its grammar does not allow.
  return (
    scheme === 'IOB2' || !(last.prefix === 'B' && next.prefix === 'B' && next.type !== last.type)
  );
}
