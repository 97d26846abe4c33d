/** Where Railpost's answers differ from Postfix 3.11's on purpose: the answers that we give instead, and why. */

/** One difference. */
export interface Difference {
  readonly why: string;
  /** Replies per step, the greeting first. */
  readonly answers: readonly (readonly string[])[];
}

export const differences: ReadonlyMap<string, Difference> = new Map([
  [
    'NUL in a command',
    {
      why: 'Postfix cuts the line at NUL and goes on with what is left; we refuse such a line whole.',
      answers: [['220'], ['250'], ['500 5.5.2'], ['500 5.5.2'], ['221 2.0.0']],
    },
  ],
  [
    'control characters in an address',
    {
      why: 'No control character is legal in a mailbox (RFC 5321 section 4.1.2), and logs and terminals suffer from them.',
      answers: [['220'], ['250'], ['501 5.1.7'], ['221 2.0.0']],
    },
  ],
  [
    'XCLIENT, XFORWARD and STARTTLS arguments',
    {
      why: 'Neither command exists here yet, so they are unknown, not forbidden.',
      answers: [['220'], ['250'], ['500 5.5.2'], ['500 5.5.2'], ['221 2.0.0']],
    },
  ],
  [
    'ETRN',
    {
      why: 'Not offered: queues are flushed by `railpost queue flush`.',
      answers: [['220'], ['250'], ['500 5.5.2'], ['221 2.0.0']],
    },
  ],
]);
