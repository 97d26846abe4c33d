/** What delivery-smtp writes to the log beside the dispositions, which the agent's frame writes. */
import { defineEvent } from '@railpost/runtime';

/** TLS was wished for (mode May), the handshake failed, and the message goes in the clear. */
export const plaintextFallback = defineEvent<{ queueId: string; relay: string; reason: string }>({
  name: 'plaintext-fallback',
  level: 'info',
  text: 'TLS handshake failed; delivering in the clear',
});

/** A next hop is ourselves: a route or an MX record leads back. */
export const loopFound = defineEvent<{ queueId: string; destination: string }>({
  name: 'loop-found',
  level: 'warn',
  text: 'the next hop is this platform itself',
});

/** A Secret that a next hop names cannot be used. */
export const secretUnusable = defineEvent<{ queueId: string; destination: string; secret: string }>({
  name: 'secret-unusable',
  level: 'error',
  text: 'a Secret of a next hop is missing or lacks keys',
});

/** The spool has no such content (any more), or it is damaged. */
export const contentUnusable = defineEvent<{ queueId: string; jobId: string; reason: string }>({
  name: 'content-unusable',
  level: 'error',
  text: 'the content of a message cannot be read from the spool',
});
