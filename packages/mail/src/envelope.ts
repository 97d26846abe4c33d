/**
 * The envelope of an accepted message: everything that the SMTP session told us beside the content.
 * Written once by smtp-ingress (or bounce) into the spool and never changed afterwards; what later stages
 * decide travels in jobs and edits. Addresses stand as the client gave them, without angle brackets.
 */
import { z } from 'zod';

/** When the sender wants to hear of a recipient (RFC 3461 section 4.1). */
export const NotifyCondition = z.enum(['NEVER', 'SUCCESS', 'FAILURE', 'DELAY']);
export type NotifyCondition = z.infer<typeof NotifyCondition>;

/** One accepted forward-path with its DSN parameters. Its index in the envelope is the `orig` of journal entries. */
export const EnvelopeRecipient = z.object({
  /** Mailbox without angle brackets and source route (RFC 5321 section 4.1.2). */
  address: z.string(),
  notify: z.array(NotifyCondition).optional(),
  /** ORCPT as received: `addr-type;xtext` (RFC 3461 section 4.2). */
  orcpt: z.string().optional(),
});
export type EnvelopeRecipient = z.infer<typeof EnvelopeRecipient>;

/** Who gave us the message and how. Feeds the Received field, logs and policy; never trusted beyond that. */
export const ClientFacts = z.object({
  listener: z.string(),
  role: z.enum(['MX', 'Submission', 'Internal', 'Local']),
  /** Client IP address; empty for mail we make ourselves. */
  address: z.string(),
  port: z.number(),
  /** Verified reverse name or `unknown`. */
  name: z.string(),
  /** Argument of HELO/EHLO. */
  helo: z.string(),
  /** IANA "with" protocol type: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA, UTF8SMTP..., (RFC 3848, RFC 6531). */
  protocol: z.string(),
  tls: z.object({ protocol: z.string(), cipher: z.string() }).optional(),
  /** Login of the authenticated user; present = authenticated (Postfix sasl_username). */
  login: z.string().optional(),
});
export type ClientFacts = z.infer<typeof ClientFacts>;

/** A recipient of an earlier message that the DSN with this envelope settles (durability rule 6). */
export const Settlement = z.object({
  queueId: z.string(),
  orig: z.number(),
  final: z.string(),
  run: z.string(),
  n: z.number(),
});
export type Settlement = z.infer<typeof Settlement>;

/** The envelope (RFC 5321 section 2.3.1) plus what must survive with it. */
export const Envelope = z.object({
  version: z.literal(1),
  queueId: z.string(),
  /** Reverse-path without angle brackets; the empty string is the null reverse-path `<>`. */
  reversePath: z.string(),
  recipients: z.array(EnvelopeRecipient),
  /** RET of MAIL FROM (RFC 3461 section 4.3). */
  ret: z.enum(['FULL', 'HDRS']).optional(),
  /** ENVID of MAIL FROM, still xtext (RFC 3461 section 4.4). */
  envid: z.string().optional(),
  /** BODY of MAIL FROM (RFC 6152, RFC 3030). */
  body: z.enum(['7BIT', '8BITMIME', 'BINARYMIME']).optional(),
  smtputf8: z.boolean(),
  client: ClientFacts,
  /** When we took responsibility: RFC 3339 UTC with milliseconds. */
  receivedAt: z.string(),
  /** True: goes to the hold queue instead of being delivered. */
  hold: z.boolean().optional(),
  settles: z.array(Settlement).optional(),
  /** W3C traceparent of the session. */
  traceparent: z.string().optional(),
});
export type Envelope = z.infer<typeof Envelope>;
