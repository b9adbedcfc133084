/** The letters that stand for bytes in a byte-level vocabulary: printable ones for themselves, the others from U+0100 on. */
export const byteLetters: readonly string[] = lettersOfBytes();

function lettersOfBytes(): readonly string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad && byte <= 0xff);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}
