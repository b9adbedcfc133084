/**
 * The stem of an English word, by Porter's algorithm ("An algorithm for suffix stripping", 1980) with the changes that
 * NLTK makes by default, which ROUGE's Python package uses.
 *
 * @param word in lower case.
 */
export function porterStem(word: string): string {
  const irregular = irregularStems.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  return [plural, participle, finalY, doubleSuffix, longSuffix, lastSuffix, finalE, finalL].reduce(
    (stem, step) => step(stem),
    word,
  );
}

const irregularStems: ReadonlyMap<string, string> = new Map([
  ['sky', 'sky'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
]);

type Condition = (stem: string) => boolean;
type Suffix = readonly [suffix: string, replacement: string, condition?: Condition];

/** `c` for a consonant, `v` for a vowel, letter by letter; y is a vowel after a consonant. */
function shapeOf(word: string): string {
  let shape = '';
  for (const letter of word) {
    const isVowel = letter === 'y' ? shape.endsWith('c') : 'aeiou'.includes(letter);
    shape += isVowel ? 'v' : 'c';
  }
  return shape;
}

/** Porter's m: how often a vowel is followed by a consonant. */
function measureOf(stem: string): number {
  return shapeOf(stem).split('vc').length - 1;
}

const hasMeasure: Condition = (stem) => measureOf(stem) > 0;
const isLong: Condition = (stem) => measureOf(stem) > 1;

/** Porter's *o, and a vowel with a consonant alone. */
function endsShort(stem: string): boolean {
  const shape = shapeOf(stem);
  return (shape.endsWith('cvc') && !/[wxy]$/.test(stem)) || shape === 'vc';
}

/** By the first suffix that the word has, if its condition holds for the rest. */
function replaceSuffix(word: string, suffixes: readonly Suffix[]): string {
  for (const [suffix, replacement, condition] of suffixes) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, word.length - suffix.length);
    return condition === undefined || condition(stem) ? stem + replacement : word;
  }
  return word;
}

function plural(word: string): string {
  if (word.endsWith('ies') && word.length === 4) return word.slice(0, -1);
  return replaceSuffix(word, [
    ['sses', 'ss'],
    ['ies', 'i'],
    ['ss', 'ss'],
    ['s', ''],
  ]);
}

function participle(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith('eed')) return replaceSuffix(word, [['eed', 'ee', hasMeasure]]);
  const suffix = ['ed', 'ing'].find(
    (end) => word.endsWith(end) && shapeOf(word.slice(0, -end.length)).includes('v'),
  );
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/(.)\1$/.test(stem) && shapeOf(stem).endsWith('c'))
    return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measureOf(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function finalY(word: string): string {
  return replaceSuffix(word, [
    ['y', 'i', (stem) => stem.length > 1 && shapeOf(stem).endsWith('c')],
  ]);
}

function doubleSuffix(word: string): string {
  if (word.endsWith('alli') && hasMeasure(word.slice(0, -4)))
    return doubleSuffix(word.slice(0, -2));
  return replaceSuffix(word, [
    ...doubleSuffixes.map(([from, to]): Suffix => [from, to, hasMeasure]),
    ['logi', 'log', (stem) => hasMeasure(`${stem}l`)],
  ]);
}

const doubleSuffixes: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['fulli', 'ful'],
];

function longSuffix(word: string): string {
  return replaceSuffix(word, [
    ['icate', 'ic', hasMeasure],
    ['ative', '', hasMeasure],
    ['alize', 'al', hasMeasure],
    ['iciti', 'ic', hasMeasure],
    ['ical', 'ic', hasMeasure],
    ['ful', '', hasMeasure],
    ['ness', '', hasMeasure],
  ]);
}

const lastSuffixes =
  'al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize'.split(' ');

function lastSuffix(word: string): string {
  return replaceSuffix(
    word,
    lastSuffixes.map(
      (suffix): Suffix => [
        suffix,
        '',
        (stem) => isLong(stem) && (suffix !== 'ion' || /[st]$/.test(stem)),
      ],
    ),
  );
}

function finalE(word: string): string {
  return replaceSuffix(word, [
    ['e', '', (stem) => isLong(stem) || (measureOf(stem) === 1 && !endsShort(stem))],
  ]);
}

function finalL(word: string): string {
  return replaceSuffix(word, [['ll', 'l', (stem) => isLong(`${stem}l`)]]);
}
