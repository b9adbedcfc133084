import { callSite } from './callSite.ts';
import { currentPath } from './namedScope.ts';

/** Every way in which Lorikeet refuses to go on. Each code has a section in `docs/reference/errors.md`. */
export type ErrorCode =
  | 'shape-mismatch'
  | 'dtype-mismatch'
  | 'invalid-argument'
  | 'index-out-of-range'
  | 'not-a-scalar'
  | 'tensor-freed'
  | 'tensor-not-concrete'
  | 'backend-unavailable'
  | 'unsupported'
  | 'no-match'
  | 'tree-mismatch'
  | 'missing-tensor'
  | 'unexpected-tensor'
  | 'invalid-config'
  | 'invalid-file'
  | 'write-failed'
  | 'download-failed'
  | 'not-finite'
  | 'out-of-memory'
  | 'backend-failed'
  | 'device-lost'
  | 'internal';

export interface LorikeetErrorDetails {
  /**
   * Where in the model, as a path of field names such as `encoder.layer.0.attention.self.query`. Without it,
   * the module that is being called.
   */
  readonly path?: string | undefined;
  readonly expected?: string | undefined;
  readonly received?: string | undefined;
  /** What the reader can do about it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error that Lorikeet throws on purpose.
 *
 * The text says what was expected, what came, where, and what to do; the same facts are fields, so
 * that a program can act on them. Faults of our own start with `internal:`.
 */
export class LorikeetError extends Error {
  override readonly name = 'LorikeetError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  /** The line of the caller's own code that led here, as `file:line:column`, if it can be told. */
  readonly location: string | undefined;
  readonly expected: string | undefined;
  readonly received: string | undefined;
  readonly hint: string | undefined;
  /** What went wrong, without the details that `message` adds. */
  readonly summary: string;

  constructor(code: ErrorCode, summary: string, details: LorikeetErrorDetails = {}) {
    const path = details.path ?? currentPath();
    const location = callSite();
    super(render(code, summary, { ...details, path }, location), { cause: details.cause });
    this.code = code;
    this.summary = summary;
    this.path = path;
    this.location = location;
    this.expected = details.expected;
    this.received = details.received;
    this.hint = details.hint;
  }
}

function render(
  code: ErrorCode,
  summary: string,
  details: LorikeetErrorDetails,
  location: string | undefined,
): string {
  const lines = [code === 'internal' ? `internal: ${summary}` : summary];
  if (details.path !== undefined) lines.push(`  at:       ${details.path}`);
  if (details.expected !== undefined) lines.push(`  expected: ${details.expected}`);
  if (details.received !== undefined) lines.push(`  received: ${details.received}`);
  if (details.hint !== undefined) lines.push(`  hint:     ${details.hint}`);
  if (location !== undefined) lines.push(`  from:     ${location}`);
  return lines.join('\n');
}

/** Whether `value` is a `LorikeetError`, and, if `code` is given, one of that code. */
export function isLorikeetError(value: unknown, code?: ErrorCode): value is LorikeetError {
  return value instanceof LorikeetError && (code === undefined || value.code === code);
}
