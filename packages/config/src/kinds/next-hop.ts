/**
 * Next hop as manifests write it: one schema for TransportMap routes, MailDomain.delivery and Mailbox.delivery.
 * Exactly one member is set. Postfix's spellings (`smtp:[host]:port`, `error:text`) appear in `explain` and logs only.
 */
import { z } from 'zod';
import { domainName, host, port, secretRef } from './fields.ts';
import { exactlyOneOf, ruled } from './rule.ts';

/** TLS policy towards a next hop. */
export const ClientTls = ruled(
  z.strictObject({
    mode: z
      .enum(['None', 'May', 'Encrypt', 'Verify'])
      .default('May')
      .describe(
        'None: never. May: when offered, in plaintext otherwise. Encrypt: only with TLS. Verify: only with a certificate that matches the MX or host name and that the CA signed. Postfix: smtp_tls_security_level.',
      ),
    caSecretRef: secretRef(
      'Secret with `ca.crt` (PEM) to verify against instead of the certificate authorities of the system.',
    ).optional(),
  }),
  {
    cel: "!has(self.caSecretRef) || self.mode == 'Verify'",
    message: 'caSecretRef has a meaning only with mode Verify',
    path: ['caSecretRef'],
    holds: (tls) => tls.caSecretRef === undefined || tls.mode === 'Verify',
  },
);
export type ClientTls = z.infer<typeof ClientTls>;

const smtpHop = ruled(
  z.strictObject({
    mx: domainName()
      .optional()
      .describe('Deliver to the MX of this domain instead of the one of the recipient.'),
    hosts: z
      .array(
        z.strictObject({
          host: host().describe('Host name or IP address; no MX lookup.'),
          port: port().default(25).describe('TCP port.'),
        }),
      )
      .min(1)
      .max(16)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .optional()
      .describe('Hosts to try in this order, without MX lookup. Postfix: [host]:port.'),
    tls: ClientTls.optional().describe(
      'TLS policy for this next hop; default: that of the platform (MailPlatform.spec.delivery.tls).',
    ),
    credentialsSecretRef: secretRef(
      'Secret of type kubernetes.io/basic-auth (`username`, `password`) for AUTH; needs tls.mode Encrypt or Verify. Postfix: smtp_sasl_password_maps.',
    ).optional(),
  }),
  {
    cel: '!has(self.mx) || !has(self.hosts)',
    message: 'mx and hosts exclude each other',
    holds: (smtp) => smtp.mx === undefined || smtp.hosts === undefined,
  },
  {
    cel: "!has(self.credentialsSecretRef) || (has(self.tls) && self.tls.mode in ['Encrypt', 'Verify'])",
    message: 'credentials are sent only with tls.mode Encrypt or Verify: set it here',
    path: ['credentialsSecretRef'],
    holds: (smtp) =>
      smtp.credentialsSecretRef === undefined || smtp.tls?.mode === 'Encrypt' || smtp.tls?.mode === 'Verify',
  },
);

const lmtpHop = ruled(
  z.strictObject({
    host: host().optional().describe('Host name or IP address of the LMTP server.'),
    port: port().optional().describe('TCP port; default 24.'),
    path: z
      .string()
      .max(100)
      .regex(/^\/[^\x00]+$/, 'must be an absolute path')
      .optional()
      .describe('UNIX-domain socket, instead of host and port.'),
  }),
  {
    cel: 'has(self.host) != has(self.path)',
    message: 'exactly one of host, path must be set',
    holds: (lmtp) => (lmtp.host === undefined) !== (lmtp.path === undefined),
  },
  {
    cel: '!has(self.port) || has(self.host)',
    message: 'port belongs to host',
    path: ['port'],
    holds: (lmtp) => lmtp.port === undefined || lmtp.host !== undefined,
  },
);

function replyText(): z.ZodString {
  return z
    .string()
    .min(1)
    .max(200)
    .regex(/^[\x20-\x7e]+$/, 'must be one line of printable ASCII')
    .describe('Text for the sender.');
}

const errorHop = z.strictObject({
  code: z
    .string()
    .max(9)
    .regex(/^5\.[0-9]{1,3}\.[0-9]{1,3}$/, 'must be an enhanced status code 5.x.x')
    .default('5.1.0')
    .describe('Enhanced status code (RFC 3463).'),
  text: replyText(),
});

const retryHop = z.strictObject({
  code: z
    .string()
    .max(9)
    .regex(/^4\.[0-9]{1,3}\.[0-9]{1,3}$/, 'must be an enhanced status code 4.x.x')
    .default('4.3.0')
    .describe('Enhanced status code (RFC 3463).'),
  text: replyText(),
});

/** Where mail goes next. */
export const NextHopManifest = ruled(
  z.strictObject({
    smtp: smtpHop
      .optional()
      .describe('By SMTP: `{}` = to the MX of the domain of the recipient. Postfix: smtp(8).'),
    lmtp: lmtpHop.optional().describe('By LMTP, to Dovecot or Cyrus for example. Postfix: lmtp(8).'),
    mailbox: z.strictObject({}).optional().describe('Into the Maildir of the Mailbox. Postfix: virtual(8).'),
    error: errorHop
      .optional()
      .describe('Return the mail; refused at RCPT already where possible. Postfix: error(8).'),
    retry: retryHop.optional().describe('Keep the mail and try again later. Postfix: retry(8).'),
    discard: z
      .strictObject({})
      .optional()
      .describe('Throw the mail away and say so in the log. Postfix: discard(8).'),
  }),
  exactlyOneOf(['smtp', 'lmtp', 'mailbox', 'error', 'retry', 'discard']),
);
export type NextHopManifest = z.infer<typeof NextHopManifest>;
