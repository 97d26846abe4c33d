/**
 * What would happen to an address, in words: the same verdict and resolution that the pipeline takes, printed. Next hops appear in
 * Postfix's spelling.
 */
import type { NextHop } from '@railpost/contracts';
import type { ConfigSnapshot, FinalRecipient, RecipientVerdict, Resolution } from './resolution.ts';

/** Everything that is known about one recipient and sender. */
export interface Explanation {
  readonly recipient: string;
  /** Empty: the null reverse-path. */
  readonly sender: string;
  /** Hash of the configuration that was asked. */
  readonly root: string;
  readonly verdict: RecipientVerdict;
  readonly resolution: Resolution;
  /** Our domains among the finals that keep their mail (`suspend`). */
  readonly suspended: readonly string[];
}

/** Asks the snapshot. */
export function explain(snapshot: ConfigSnapshot, recipient: string, sender: string): Explanation {
  const resolution = snapshot.resolve(recipient, sender);
  const domains = new Set(resolution.finals.map((final) => final.mailDomain ?? ''));
  return {
    recipient,
    sender,
    root: snapshot.root,
    verdict: snapshot.verifyRecipient(recipient, sender),
    resolution,
    suspended: [...domains].filter((domain) => snapshot.domain(domain)?.suspend === true),
  };
}

/** The explanation as text for a terminal, one fact a line. */
export function formatExplanation(explanation: Explanation): string {
  const { resolution, suspended } = explanation;
  const sender = explanation.sender === '' ? '<>' : explanation.sender;
  const lines = [
    `${explanation.recipient} from ${sender}`,
    `  RCPT      ${verdictText(explanation.verdict)}`,
  ];
  for (const step of resolution.steps) {
    lines.push(`  becomes   ${step.from} -> ${step.to.join(', ')}`, `            by ${step.rule}`);
  }
  for (const final of resolution.finals) {
    lines.push(`  goes to   ${final.address} -> ${formatNextHop(final.nextHop)}${tlsText(final)}`);
    lines.push(`            by ${final.rule}`);
  }
  for (const domain of suspended) lines.push(`  waits     MailDomain ${domain} is suspended`);
  return `${lines.join('\n')}\n`;
}

/** A next hop in Postfix's spelling: `smtp:[127.0.0.1]:2526`, `error:5.1.1 no such user`. */
export function formatNextHop(hop: NextHop): string {
  switch (hop.transport) {
    case 'smtp':
      if (hop.hosts === undefined) return `smtp:${hop.mx ?? ''}`;
      return `smtp:${hop.hosts.map(({ host, port }) => `[${host}]:${port}`).join(', ')}`;
    case 'lmtp':
      return hop.path === undefined ? `lmtp:${hop.host ?? ''}:${hop.port ?? 24}` : `lmtp:unix:${hop.path}`;
    case 'mailbox':
      return `mailbox:${hop.domain}`;
    case 'error':
    case 'retry':
      return `${hop.transport}:${hop.code} ${hop.text}`;
    case 'discard':
      return 'discard:';
  }
}

function tlsText({ nextHop, tls }: FinalRecipient): string {
  if (nextHop.transport !== 'smtp' || tls === undefined) return '';
  const credentials = nextHop.credentialsSecret === undefined ? '' : `, AUTH by ${nextHop.credentialsSecret}`;
  return ` (TLS ${tls.mode}${tls.caSecret === undefined ? '' : `, CA ${tls.caSecret}`}${credentials})`;
}

function verdictText(verdict: RecipientVerdict): string {
  switch (verdict.verdict) {
    case 'ours':
      return `accepted from anybody: a recipient of ${verdict.domain}`;
    case 'unknown-user':
      return `refused with 550 5.1.1: ${verdict.domain} has no such recipient`;
    case 'disabled':
      return `refused with 550 5.2.1: the mailbox takes no mail`;
    case 'refused': {
      const code = verdict.code.startsWith('4') ? 450 : 550;
      return `refused with ${code} ${verdict.code} ${verdict.text}`;
    }
    case 'not-ours':
      return 'accepted only from those who may relay; for others 554 5.7.1';
  }
}
