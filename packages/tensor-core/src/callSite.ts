/** Deep enough for a call through a whole model. */
const framesToSearch = 100;

/** A stack line of V8, or of Firefox and Safari: the file, the line, the column. */
const frame =
  /(?:^|[(@\s])((?:file|https?):\/\/[^\s()]+|\/[^\s()]+|[A-Za-z]:\\[^()]+):(\d+):(\d+)\)?$/;

/** The folder that holds this package and its siblings, where the code is not bundled into one file. */
const packages = /^(.*\/)[^/]+\/(?:src|dist)\/[^/]+$/.exec(import.meta.url)?.[1];

/**
 * The place in the caller's own code that led here, as `file:line:column`: the innermost frame outside of
 * these packages and of all that is installed. `undefined` where none can be told, as in a bundle.
 */
export function callSite(): string | undefined {
  if (packages === undefined) return undefined;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = framesToSearch;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n')) {
    const [, file, row, column] = frame.exec(line) ?? [];
    if (file === undefined || isOurs(file)) continue;
    return `${file.replace(/^file:\/\//, '')}:${row}:${column}`;
  }
  return undefined;
}

function isOurs(file: string): boolean {
  const url = file.startsWith('/') ? `file://${file}` : file;
  if (url.includes('/node_modules/')) return true;
  const inside = url.startsWith(packages ?? url) ? url.slice(packages?.length).split('/') : [];
  return inside[1] === 'src' || inside[1] === 'dist';
}
