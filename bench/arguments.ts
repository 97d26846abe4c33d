/** Command lines of the measurements: numbers, lists and sizes, with an error that names the flag. */

/** A wrong command line; its message says what is expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a whole number. @throws UsageError */
export function parseCount(flag: string, text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1)
    throw new UsageError(`--${flag}: "${text}" is not a whole number above 0`);
  return Number(text);
}

/** Reads `1,50,200`. @throws UsageError */
export function parseCounts(flag: string, text: string): readonly number[] {
  return text.split(',').map((each) => parseCount(flag, each.trim()));
}

/** Reads `5k` or `5000`, octets; k is 1,024. @throws UsageError */
export function parseBytes(flag: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([km]?)$/i.exec(text.trim()) ?? [];
  if (digits === '') throw new UsageError(`--${flag}: "${text}" is not a size such as 5k or 100k`);
  const factors: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 * 1024 };
  return Number(digits) * (factors[unit.toLowerCase()] ?? 1);
}

/** Reads words of a list. @throws UsageError for a word that is none of them */
export function parseChoices<Word extends string>(
  flag: string,
  text: string,
  words: readonly Word[],
): readonly Word[] {
  return text.split(',').map((each) => {
    const found = words.find((word) => word === each.trim());
    if (found === undefined) throw new UsageError(`--${flag}: "${each}" is not one of ${words.join(', ')}`);
    return found;
  });
}
