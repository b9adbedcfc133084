import { LorikeetError, type LorikeetErrorDetails } from '../errors.ts';

/** Where a fault is: in a file, and in which of its tensors. */
export interface Place {
  readonly file: string;
  readonly tensor?: string | undefined;
}

/** `model.safetensors: "wte.weight"`. */
export function formatPlace({ file, tensor }: Place): string {
  return tensor === undefined ? file : `${file}: ${quote(tensor)}`;
}

/** The error for a file that is not what it says. */
export function invalidFile(
  place: Place,
  summary: string,
  details: Omit<LorikeetErrorDetails, 'path'>,
): LorikeetError {
  return new LorikeetError('invalid-file', summary, { ...details, path: formatPlace(place) });
}

/** `text` in quotes, escaped and cut, so that an untrusted name cannot garble a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= 100 ? text : `${text.slice(0, 100)}…`);
}

/** The first few of `names`, and how many more there are. */
export function listNames(names: Iterable<string>): string {
  const all = [...names];
  if (all.length === 0) return 'none';
  const first = all.slice(0, 4).map(quote).join(', ');
  return all.length <= 4 ? first : `${first} and ${all.length - 4} more`;
}
