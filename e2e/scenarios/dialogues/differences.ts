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
  [
    'paths that only Postfix can read',
    {
      why: 'Postfix mends brackets, routes, comments and literals that are none of RFC 5321; what we cannot read we do not guess.',
      answers: [
        ['220'],
        ['250'],
        ...[['501 5.1.7'], ['250 2.0.0'], ['501 5.1.7'], ['250 2.0.0'], ['501 5.1.7'], ['250 2.0.0']],
        ...[['501 5.1.7'], ['250 2.0.0'], ['501 5.1.7'], ['250 2.0.0'], ['501 5.1.7'], ['221 2.0.0']],
      ],
    },
  ],
  [
    'parameters that break their grammar',
    {
      why: 'An empty AUTH or ORCPT and an ENVID with `=` are not what RFC 4954 and RFC 3461 allow; passed on, others would stumble.',
      answers: [
        ['220'],
        ['250'],
        ...[['501 5.5.4'], ['250 2.0.0'], ['501 5.5.4'], ['250 2.0.0']],
        ...[['250 2.1.0'], ['501 5.5.4'], ['221 2.0.0']],
      ],
    },
  ],
  [
    'our own host name and address',
    {
      why: "Our host name is always ours, with a postmaster (RFC 5321 section 4.5.1). In a pod our address is nobody else's to name.",
      answers: [
        ...[['220'], ['250'], ['250 2.1.0']],
        ...[['550 5.1.1'], ['250 2.1.5'], ['554 5.7.1'], ['554 5.7.1'], ['221 2.0.0']],
      ],
    },
  ],
  [
    'a relay domain behind percent, bang and below',
    {
      why: 'A MailDomain is exactly its domain: subdomains have their own, and nobody needs routes inside of addresses.',
      answers: [
        ...[['220'], ['250'], ['250 2.1.0']],
        ...[['554 5.7.1'], ['554 5.7.1'], ['554 5.7.1'], ['221 2.0.0']],
      ],
    },
  ],
]);
