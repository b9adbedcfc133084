import { LorikeetError } from '@lorikeet/tensor-core';
import { shown } from './shown.ts';

/**
 * A regular expression of Python's `re`, as PEFT's configs hold them, that must fit a whole text.
 *
 * Where the two languages spell a thing differently it is translated. What a hostile config could make run
 * for ever is refused: many wildcards in a row, and a repeated group that holds a choice or a repetition. Such a
 * group may start or end in a literal dot, for each round of it must then use up a dot of the path.
 *
 * @throws LorikeetError `invalid-config` for a text that is no regular expression, `unsupported` for one that
 *   cannot be run safely.
 */
export function pythonRegExp(source: string): RegExp {
  const [head = '', letters = ''] = leadingFlags.exec(source) ?? [];
  const flags = [...new Set(letters)].filter((letter) => 'ims'.includes(letter)).join('');
  const pieces = [...source.slice(head.length).matchAll(token)].map(([piece]) => piece);
  requireQuick(pieces, source);
  try {
    return new RegExp(`^(?:${pieces.map(respell).join('')})$`, flags);
  } catch (cause) {
    throw new LorikeetError('invalid-config', 'the config holds a faulty regular expression', {
      received: shown(source),
      hint: 'write the targets as a list of names instead',
      cause,
    });
  }
}

/** Whether such an expression fits a part of a text that has one line. Throws as `pythonRegExp` does. */
export function pythonSearch(source: string, text: string): boolean {
  const [flags = ''] = leadingFlags.exec(source) ?? [];
  return pythonRegExp(`${flags}.*(?:${source.slice(flags.length)}).*`).test(text);
}

const leadingFlags = /^\(\?([aimsuL]+)\)/;

/** What a pattern is made of, as far as it must be told apart. */
const token =
  /\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?P=\w+\)|\(\?#[^)]*\)|\(\?(?:[:=!>]|<[=!])|[()|]|[*+?]\??|\{\d*,?\d*\}\??|./gs;

/** One piece of a pattern in JavaScript's spelling. */
function respell(piece: string): string {
  if (piece === '\\A') return '^';
  if (piece === '\\Z') return '$';
  if (piece === '(?P<') return '(?<';
  if (piece.startsWith('(?P=')) return `\\k<${piece.slice(4, -1)}>`;
  if (piece.startsWith('(?#')) return '';
  if (piece.startsWith('{,') && piece !== '{,}') return `{0${piece.slice(1)}`;
  // A bracket that comes first in a class stands for itself.
  return piece.replace(/^\[(\^?)\]/, '[$1\\]');
}

const mostWildcards = 6;

interface Group {
  readonly start: number;
  /** Holds a choice or a repetition, so that a text may fit in several ways. */
  isLoose: boolean;
  /** Repeated wildcards in the alternative at hand, and in the one that has most. */
  wildcards: number;
  most: number;
}

function groupFrom(start: number): Group {
  return { start, isLoose: false, wildcards: 0, most: 0 };
}

function requireQuick(pieces: readonly string[], source: string): void {
  const whole = groupFrom(0);
  const open = [whole];
  let closed: Group | undefined;
  for (const [i, piece] of pieces.entries()) {
    const group = open.at(-1) ?? whole;
    const previous = closed;
    closed = undefined;
    if (/^(?:[*+]|\{[\d,]+\})/.test(piece)) {
      if (previous?.isLoose === true && !isApart(pieces, previous.start, i - 2)) throw slow(source);
      group.isLoose = true;
      if (/^(?:\.|\[\^|\\[DSW])/.test(pieces[i - 1] ?? '')) group.wildcards++;
    } else if (piece === '|') {
      group.isLoose = true;
      group.most = Math.max(group.most, group.wildcards);
      group.wildcards = 0;
    } else if (piece === ')' && open.length > 1) {
      closed = open.pop() ?? whole;
      const parent = open.at(-1) ?? whole;
      parent.isLoose ||= closed.isLoose;
      parent.wildcards += Math.max(closed.most, closed.wildcards);
    } else if (/^\((?!\?[#]|\?P=)/.test(piece)) {
      open.push(groupFrom(i + 1));
    }
    if ((open.at(-1) ?? whole).wildcards > mostWildcards) throw slow(source);
  }
}

/** Whether the rounds of a repeated group, from one piece to another, are told apart by a literal dot. */
function isApart(pieces: readonly string[], first: number, last: number): boolean {
  const hasChoice = pieces.slice(first, last + 1).includes('|');
  return !hasChoice && (pieces[first] === '\\.' || pieces[last] === '\\.');
}

function slow(source: string): LorikeetError {
  return new LorikeetError('unsupported', 'a regular expression that could take for ever', {
    received: shown(source),
    hint: 'write the targets as a list of names instead',
  });
}
