/**
 * Next hop: where a delivery job goes, resolved: the one form that cleanup writes, queue-manager schedules by and
 * delivery agents read. Secrets are named (`<namespace>/<name>`), never carried: the agent looks them up in its own
 * configuration, so that a rotated password also serves jobs that wait.
 */
import { z } from 'zod';

/** TLS policy for a next hop (Postfix smtp_tls_security_level: none, may, encrypt, verify). */
export const NextHopTls = z.object({
  mode: z.enum(['None', 'May', 'Encrypt', 'Verify']),
  caSecret: z.string().optional(),
});
export type NextHopTls = z.infer<typeof NextHopTls>;

export const HostAndPort = z.object({ host: z.string(), port: z.number() });
export type HostAndPort = z.infer<typeof HostAndPort>;

export const NextHop = z.discriminatedUnion('transport', [
  z.object({
    transport: z.literal('smtp'),
    /** Look up the MX records of this domain... */
    mx: z.string().optional(),
    /** ...or try these hosts in order, without MX lookup. Exactly one of both. */
    hosts: z.array(HostAndPort).optional(),
    tls: NextHopTls.optional(),
    credentialsSecret: z.string().optional(),
  }),
  z.object({
    transport: z.literal('lmtp'),
    host: z.string().optional(),
    port: z.number().optional(),
    path: z.string().optional(),
  }),
  z.object({ transport: z.literal('mailbox'), domain: z.string() }),
  z.object({ transport: z.literal('error'), code: z.string(), text: z.string() }),
  z.object({ transport: z.literal('retry'), code: z.string(), text: z.string() }),
  z.object({ transport: z.literal('discard') }),
]);
export type NextHop = z.infer<typeof NextHop>;

/** Names of the transports. `error`, `retry` and `discard` are settled by queue-manager itself. */
export type Transport = NextHop['transport'];

/**
 * The destination of a next hop in Postfix's spelling: `smtp:example.test` (MX), `smtp:[host]:port`, `lmtp:host:port`,
 * `lmtp:unix:/path`, `mailbox:example.test`, `error:`, `retry:`, `discard:`. The key of concurrency windows and shards.
 */
export function destinationOf(hop: NextHop): string {
  switch (hop.transport) {
    case 'smtp':
      return hop.hosts === undefined
        ? `smtp:${hop.mx ?? ''}`
        : `smtp:${hop.hosts.map((each) => `[${each.host}]:${each.port}`).join(',')}`;
    case 'lmtp':
      return hop.path === undefined ? `lmtp:${hop.host ?? ''}:${hop.port ?? 24}` : `lmtp:unix:${hop.path}`;
    case 'mailbox':
      return `mailbox:${hop.domain}`;
    case 'error':
    case 'retry':
    case 'discard':
      return `${hop.transport}:`;
  }
}
