/**
 * Records and facts for tests of the decision, from as little as a test wants to say: our domain goes to mailboxes, the
 * partner to its host, others to their MX.
 */
import { createHash } from 'node:crypto';
import type { FinalRecipient, Resolution } from '@railpost/config';
import {
  type DeliveryJob,
  type IncomingRecord,
  type NextHop,
  type RecipientHistory,
  destinationOf,
} from '@railpost/contracts';
import {
  type ClientFacts,
  type EnvelopeRecipient,
  createEditApplier,
  decodeUtf8,
  encodeUtf8,
} from '@railpost/mail';
import { type CleanupFacts, decideCleanup } from '../src/decide.ts';

const mailboxHop: NextHop = { transport: 'mailbox', domain: 'example.test' };
const partnerHop: NextHop = { transport: 'smtp', hosts: [{ host: '127.0.0.1', port: 2526 }] };
const outsideHop: NextHop = { transport: 'smtp', mx: 'outside.test' };

/** What the resolver would say: our domain goes to mailboxes, the partner to its host, others to their MX. */
export function final(address: string): FinalRecipient {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const hops: Record<string, NextHop> = { 'example.test': mailboxHop, 'partner.test': partnerHop };
  const nextHop = hops[domain] ?? outsideHop;
  return {
    address,
    nextHop,
    destination: destinationOf(nextHop),
    tls: undefined,
    mailDomain: domain === 'outside.test' ? undefined : domain,
    rule: 'test',
  };
}

export function resolvesTo(...addresses: string[]): Resolution {
  return { finals: addresses.map(final), steps: [] };
}

const clients = {
  mx: { role: 'MX' },
  submission: { role: 'Submission', login: 'alice@example.test' },
  internal: { role: 'Internal' },
  local: { role: 'Local' },
} as const satisfies Record<string, Pick<ClientFacts, 'role'> & { login?: string }>;

/** What a test says of a record. */
export interface Given {
  readonly client?: keyof typeof clients;
  readonly content?: string;
  readonly headerBytes?: number;
  readonly reversePath?: string;
  readonly recipients?: readonly EnvelopeRecipient[];
  readonly resolutions?: readonly Resolution[];
  readonly hold?: boolean;
  readonly history?: RecipientHistory[];
  readonly recipientsPerDelivery?: number;
}

export function decide(given: Given) {
  const content = encodeUtf8(given.content ?? 'Subject: x\r\n\r\nbody\r\n');
  const headerBytes = given.headerBytes ?? content.length;
  const record: IncomingRecord = {
    version: 1,
    envelope: {
      version: 1,
      queueId: '0B1bkYzzVzCNpZPQ',
      reversePath: given.reversePath ?? 'sender@outside.test',
      recipients: [...(given.recipients ?? [{ address: 'alice@example.test' }])],
      smtputf8: false,
      client: {
        listener: 'mx',
        address: '192.0.2.1',
        port: 1,
        name: 'unknown',
        helo: 'x',
        protocol: 'ESMTP',
        ...clients[given.client ?? 'mx'],
      },
      receivedAt: '2026-11-21T06:05:04.000Z',
      ...(given.hold === undefined ? {} : { hold: given.hold }),
    },
    body: { key: 'k', offset: 0, bytes: content.length, headerBytes, sha256: '0'.repeat(64) },
    attempt: 0,
    headerInline: true,
    ...(given.history === undefined ? {} : { history: given.history }),
  };
  const facts: CleanupFacts = {
    headerSection: content.subarray(0, headerBytes),
    resolutions: given.resolutions ?? record.envelope.recipients.map((each) => resolvesTo(each.address)),
    // Only the fields that the decision reads.
    platform: {
      hostname: 'mail.example.test',
      origin: 'origin.test',
      delivery: { recipientsPerDelivery: given.recipientsPerDelivery ?? 50 },
    } as CleanupFacts['platform'],
    incomingSequence: 7,
    sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
  };
  return { decision: decideCleanup(record, facts), content };
}

export function jobsOf(given: Given): readonly DeliveryJob[] {
  const { decision } = decide(given);
  return decision.kind === 'enqueue' ? decision.jobs : [];
}

/** The content as the agent of the first job would send it. */
export function sent(given: Given): string {
  const { content } = decide(given);
  const applier = createEditApplier(jobsOf(given)[0]?.edits ?? []);
  return [...applier.push(content), ...applier.finish()].map(decodeUtf8).join('');
}
