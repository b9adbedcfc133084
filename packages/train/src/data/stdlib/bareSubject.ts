/** The subject of a mail without what answers, forwards and mailing lists add to it: `Re:`, `Fwd:`, what is in brackets. */
export function bareSubject(subject: string): string {
  return subject
    .toLowerCase()
    .replaceAll(/\[[^\]]*\]|\b(re|fw|fwd|aw)\s*(\[\d+\])?:/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
