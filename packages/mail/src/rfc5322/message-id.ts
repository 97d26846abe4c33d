/**
 * Message-ID (RFC 5322 section 3.6.4), in Postfix's form: time, queue id, host. Unique because queue ids are.
 */

/** Makes `<20261121160000.QUEUEID@mail.example.test>`; `timeMs` in milliseconds since the epoch. */
export function formatMessageId(timeMs: number, queueId: string, hostname: string): string {
  const stamp = new Date(timeMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return `<${stamp}.${queueId}@${hostname}>`;
}
