/** Where the ledger's messages go: domains by the behaviour of what stands behind them. Names under `.test` (RFC 6761). */

/** How a far end behaves. `mailbox` is our own delivery into Maildirs. */
export type Behaviour = 'takes' | 'lmtp' | 'slow' | 'temporary' | 'permanent' | 'drops' | 'moved' | 'mailbox';

/** Behaviours of far ends. */
export type FarEnd = Exclude<Behaviour, 'mailbox'>;

/** Domains of each behaviour. */
export const destinations: Readonly<Record<FarEnd, readonly string[]>> = {
  takes: ['takes0.test', 'takes1.test', 'takes2.test', 'takes3.test', 'takes4.test', 'takes5.test'],
  lmtp: ['lmtp.test'],
  slow: ['slow.test'],
  temporary: ['temporary.test'],
  permanent: ['permanent.test'],
  drops: ['drops.test'],
  moved: ['moved.test'],
};

/** Domain of the reverse-paths; its far end takes the DSNs. */
export const senderDomain = 'sender.test';

/** Domain and local parts of our own mailboxes. */
export const mailboxDomain = 'ledger.test';
export const mailboxes: readonly string[] = ['box0', 'box1', 'box2', 'box3'];

/** How the far end of an address behaves. @throws RangeError for a domain that is none of ours */
export function behaviourOf(address: string): Behaviour {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  if (domain === mailboxDomain) return 'mailbox';
  // Object.entries of a record of FarEnd has its keys.
  for (const [behaviour, domains] of Object.entries(destinations))
    if (domains.includes(domain)) return behaviour as FarEnd;
  throw new RangeError(`${address} is no address of the ledger`);
}
