/**
 * The first octets of a message, before they meet our Received field. As Postfix's smtpd: a first line that begins with white
 * space is body, so an empty line goes before it (it would continue our field); a mailbox separator (`From `, `>From `)
 * becomes an X-Mailbox-Line field. Everything else passes as it is.
 */
const space = 0x20;
const tab = 0x09;
const quote = 0x3e;
const separator = Buffer.from('From ');
const emptyLine = Buffer.from('\r\n');
const field = Buffer.from('X-Mailbox-Line: ');

/** Longest run of octets that is looked at; a separator behind more `>` is none. */
const lookLimit = 64;
const nothing: Uint8Array = Buffer.alloc(0);

/** Looks at the start of one message. */
export class LeadingLine {
  #held = nothing;
  #isDone = false;

  /** Takes a slice, returns what may go on. */
  push(slice: Uint8Array): readonly Uint8Array[] {
    if (this.#isDone) return [slice];
    this.#held = this.#held.length === 0 ? slice : Buffer.concat([this.#held, slice]);
    const insert = decide(this.#held);
    if (insert === 'undecided') return [];
    return this.#release(insert);
  }

  /** The content is at its end. */
  finish(): readonly Uint8Array[] {
    return this.#isDone || this.#held.length === 0 ? [] : this.#release(undefined);
  }

  #release(insert: Uint8Array | undefined): readonly Uint8Array[] {
    this.#isDone = true;
    const held = this.#held;
    this.#held = nothing;
    return insert === undefined ? [held] : [insert, held];
  }
}

function decide(head: Uint8Array): Uint8Array | undefined | 'undecided' {
  if (head[0] === space || head[0] === tab) return emptyLine;
  let start = 0;
  while (start < head.length && start < lookLimit && head[start] === quote) start += 1;
  const shown = head.subarray(start, start + separator.length);
  if (!separator.subarray(0, shown.length).equals(shown)) return undefined;
  if (shown.length === separator.length) return field;
  return start >= lookLimit ? undefined : 'undecided';
}
