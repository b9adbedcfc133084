/** One of the things that a selector lists, and the selector with it alone in the place of the list. */
export interface SelectorChoice {
  readonly choice: string;
  readonly selector: string;
}

/** Each choice of each list in braces of a selector; those of lists within a choice, too. */
export function choicesOf(selector: string): SelectorChoice[] {
  return listsIn(selector, 0, selector.length).flatMap(({ start, end, choices }) =>
    choices.flatMap(({ from, to }) => {
      const [before, after] = [selector.slice(0, start), selector.slice(end)];
      const choice = selector.slice(from, to);
      const nested = choicesOf(choice).map((inner) => ({
        choice: inner.choice,
        selector: `${before}${inner.selector}${after}`,
      }));
      return nested.length > 0 ? nested : [{ choice, selector: `${before}${choice}${after}` }];
    }),
  );
}

interface List {
  readonly start: number;
  /** After the closing brace. */
  readonly end: number;
  readonly choices: readonly { readonly from: number; readonly to: number }[];
}

/** The outermost lists in a part of a text. What is not closed is no list. */
function listsIn(text: string, from: number, to: number): List[] {
  const lists: List[] = [];
  let [depth, start] = [0, 0];
  let commas: number[] = [];
  for (let i = from; i < to; i++) {
    if (text[i] === '{') {
      depth += 1;
      if (depth > 1) continue;
      start = i;
      commas = [];
    } else if (text[i] === ',' && depth === 1) commas.push(i);
    else if (text[i] === '}' && depth > 0) {
      depth -= 1;
      if (depth > 0 || commas.length === 0) continue;
      const ends = [...commas, i];
      const begins = [start, ...commas].map((place) => place + 1);
      const choices = begins.map((begin, k) => ({ from: begin, to: ends[k] ?? i }));
      lists.push({ start, end: i + 1, choices });
    }
  }
  return lists;
}
