/** Counts of commands for the `disconnect` line, in Postfix's form: `ehlo=1 mail=1/2 quit=1 commands=3/4` (succeeded/all). */

/** Counts of one session. */
export class CommandCounts {
  readonly #counts = new Map<string, { good: number; all: number }>();

  /** Notes one command. */
  add(verb: string, isError: boolean): void {
    let count = this.#counts.get(verb);
    if (count === undefined) {
      count = { good: 0, all: 0 };
      this.#counts.set(verb, count);
    }
    count.all += 1;
    if (!isError) count.good += 1;
  }

  /** The line. */
  format(): string {
    let good = 0;
    let all = 0;
    const parts: string[] = [];
    for (const [verb, count] of this.#counts) {
      parts.push(`${verb}=${formatCount(count)}`);
      good += count.good;
      all += count.all;
    }
    parts.push(`commands=${formatCount({ good, all })}`);
    return parts.join(' ');
  }
}

function formatCount({ good, all }: { readonly good: number; readonly all: number }): string {
  return good === all ? String(all) : `${good}/${all}`;
}
