/**
 * Folding of header fields that we write (RFC 5322 section 2.2.3): lines of at most 78 characters where the words allow
 * it. Words are never broken, so a longer word makes a longer line.
 */

/** Wanted length of a line, without CRLF. */
const wantedLength = 78;

/** Writes `name: words`, folded before a word with CRLF and a tab; ends in CRLF. Words hold no line ends. */
export function foldField(name: string, words: readonly string[]): string {
  let text = `${name}:`;
  let length = text.length;
  for (const [index, word] of words.entries()) {
    if (index > 0 && length + 1 + word.length > wantedLength) {
      text += `\r\n\t${word}`;
      // A tab counts as eight columns for readers, but as one character for RFC 5322.
      length = 1 + word.length;
    } else {
      text += ` ${word}`;
      length += 1 + word.length;
    }
  }
  return `${text}\r\n`;
}

/** Splits text into words at single spaces, for {@link foldField}; controls become `?`, so that nothing breaks a line. */
export function wordsOf(text: string): string[] {
  return text
    .replace(/[\u0000-\u001f\u007f]/g, '?')
    .split(' ')
    .filter((word) => word !== '');
}
