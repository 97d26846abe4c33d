/**
 * How each far end behaves towards each address. What comes to an end comes to it after at most two refusals, so that the 120 seconds
 * after the last fault are enough whatever was refused before.
 */
import { createHash } from 'node:crypto';
import type { FarEnd as FarEndName } from './destinations.ts';
import type { Behaving, Moment } from './far-end.ts';

const usual: Behaving = { kind: 'usual' };
const moments: readonly Moment[] = ['recipient', 'content', 'dot'];

/** Makes the policy of one far end; remembers how often an address was refused. */
export function makePolicy(behaviour: FarEndName): (moment: Moment, recipient: string) => Behaving {
  const refusals = new Map<string, number>();
  const refuse = (moment: Moment, recipient: string, behaving: Behaving): Behaving => {
    const lot = lotOf(recipient);
    const atDotOnly = behaving.kind === 'reply' ? (['recipient', 'dot'] as const) : moments;
    if (moment !== atDotOnly[lot % atDotOnly.length]) return usual;
    const times = refusals.get(recipient) ?? 0;
    if (times >= 1 + ((lot >> 4) % 2)) return usual;
    refusals.set(recipient, times + 1);
    return behaving;
  };
  switch (behaviour) {
    case 'temporary':
      return (moment, recipient) =>
        refuse(moment, recipient, { kind: 'reply', text: '451 4.2.0 Come again' });
    case 'drops':
      return (moment, recipient) => refuse(moment, recipient, { kind: 'hang-up' });
    case 'permanent':
      return (moment, recipient) => {
        const at = lotOf(recipient) % 2 === 0 ? 'recipient' : 'dot';
        return moment === at ? { kind: 'reply', text: '550 5.1.1 No such person' } : usual;
      };
    case 'slow':
      return (moment, recipient) =>
        moment === 'content' ? usual : { kind: 'delay', ms: 100 + (lotOf(recipient) % 1400) };
    default:
      return () => usual;
  }
}

function lotOf(recipient: string): number {
  return createHash('sha256').update(recipient).digest().readUInt16LE(0);
}
