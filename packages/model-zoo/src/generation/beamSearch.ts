import type { Model } from '../model.ts';
import { processed } from './choose.ts';
import type { PromptRows } from './prompt.ts';
import type { Settings } from './settings.ts';
import { logSoftmax, topPlaces } from './softmax.ts';
import { type Reading, TextReader } from './textReader.ts';

/** What cannot win. Not infinite, so that among such the order stays. */
const lost = -1e9;

interface Beam {
  /** New tokens. */
  readonly fresh: readonly number[];
  /** The sum of their logarithms; of a finished one divided by its length. */
  readonly score: number;
  readonly isFinished: boolean;
}

interface RunningBeam extends Beam {
  /** Its row in the reader. */
  readonly place: number;
}

/** The beams of one prompt. */
interface Search {
  readonly running: readonly RunningBeam[];
  readonly finished: readonly Beam[];
  /** Whether a running beam may still become better than those that are finished. */
  readonly canImprove: boolean;
  /** Whether all that could come next is an end. */
  readonly isStuck: boolean;
}

/** New tokens of the best beams of each prompt, with their scores, best first, as transformers counts them. */
export async function beamSearch(
  model: Model,
  prompt: PromptRows,
  settings: Settings,
): Promise<readonly (readonly Beam[])[]> {
  const { beams, maxNew, returned } = settings;
  const opened = await TextReader.open(model, prompt, { wanted: 'logits', maxNew });
  const { reader } = opened;
  reader.expand(beams);
  let reading: Reading = {
    ...opened.reading,
    logits: opened.reading.logits.flatMap((row) => new Array(beams).fill(row)),
  };
  let searches: readonly Search[] = prompt.rows.map((_, row) => ({
    running: Array.from({ length: beams }, (_unused, i) => ({
      fresh: [],
      score: i === 0 ? 0 : lost,
      isFinished: false,
      place: row * beams + i,
    })),
    finished: Array.from({ length: beams }, () => ({ fresh: [], score: lost, isFinished: false })),
    canImprove: true,
    isStuck: false,
  }));
  for (let length = 1; ; length++) {
    searches = searches.map((search, row) => advance(search, reading, row, length));
    if (length === maxNew || !isOpen(searches, settings)) break;
    const rows = searches.flatMap(({ running }) => running);
    const next = rows.map(({ fresh }) => fresh.at(-1) ?? 0);
    const order = rows.map(({ place }) => place);
    reading = await reader.step(next, order);
    searches = searches.map((search, row) => ({
      ...search,
      running: search.running.map((beam, i) => ({ ...beam, place: row * beams + i })),
    }));
  }
  return searches.map(({ finished }) => finished.slice(0, returned));

  /** One more token for the beams of a prompt. */
  function advance(search: Search, { logits }: Reading, row: number, length: number): Search {
    const { ends, processors, isEnd, lengthPenalty, earlyStopping } = settings;
    const parts = search.running.map(({ place, fresh, score }) => {
      const tokens = reader.rows[place] ?? [];
      const own = logSoftmax(Float64Array.from(logits[place] ?? []));
      return processed(own, { tokens, fresh: fresh.length }, processors).map((x) => x + score);
    });
    const vocabulary = parts[0]?.length ?? 0;
    const all = new Float64Array(vocabulary * parts.length);
    for (const [i, part] of parts.entries()) all.set(part, i * vocabulary);
    // Enough that as many go on even if each of the best ends, by whichever end.
    const kept = Math.max(2, 1 + ends.length) * beams;
    const candidates = topPlaces(all, kept).map((at): RunningBeam => {
      const from = search.running[Math.floor(at / vocabulary)];
      const fresh = [...(from?.fresh ?? []), at % vocabulary];
      const isFinished = length === maxNew || isEnd(fresh);
      return { fresh, score: all[at] ?? lost, isFinished, place: from?.place ?? row * beams };
    });
    const going = candidates.map((beam) =>
      beam.isFinished ? { ...beam, score: beam.score + lost } : beam,
    );
    const running = best(going, beams).map((beam) => ({ ...beam, isFinished: false }));
    const isFull = search.finished.every(({ isFinished }) => isFinished) && earlyStopping === true;
    const ending = candidates.map((beam, i): Beam => {
      const ends_ = beam.isFinished && i < beams;
      const penalties = Number(isFull) + Number(!search.canImprove) + Number(!ends_);
      return {
        fresh: beam.fresh,
        score: beam.score / length ** lengthPenalty + penalties * lost,
        isFinished: ends_,
      };
    });
    const finished = best([...search.finished, ...ending], beams);
    const hypothetical = earlyStopping === 'never' && lengthPenalty > 0 ? maxNew : length;
    const hope = (running[0]?.score ?? lost) / hypothetical ** lengthPenalty;
    const worst = Math.min(...finished.map(({ score }) => score));
    const canBeat = finished.some(({ isFinished }) => hope > (isFinished ? worst : lost));
    return {
      running,
      finished,
      canImprove: search.canImprove && canBeat,
      isStuck: candidates.every(({ isFinished }) => isFinished),
    };
  }
}

function isOpen(searches: readonly Search[], { earlyStopping }: Settings): boolean {
  const areDone = searches.every(({ finished }) => finished.every(({ isFinished }) => isFinished));
  return (
    searches.some(({ canImprove }) => canImprove) &&
    !(areDone && earlyStopping === true) &&
    !searches.every(({ isStuck }) => isStuck)
  );
}

function best<B extends Beam>(beams: readonly B[], count: number): readonly B[] {
  return topPlaces(
    beams.map(({ score }) => score),
    count,
  ).flatMap((at) => beams[at] ?? []);
}
