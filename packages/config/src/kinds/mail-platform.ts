/**
 * MailPlatform: what an administrator sets first. What mail may do stands here; where things are (NATS, spool, addresses to
 * bind) are process settings.
 */
import { z } from 'zod';
import {
  count,
  domainName,
  duration,
  entryName,
  listMap,
  listSet,
  port,
  quantity,
  secretRef,
  trustedPrefix,
} from './fields.ts';
import { defineKind } from './kind.ts';
import { ClientTls } from './next-hop.ts';
import { ruled } from './rule.ts';
import { isOrdered } from './units.ts';

const certificates = z
  .array(z.strictObject({ secretRef: secretRef('Secret of type kubernetes.io/tls (`tls.crt`, `tls.key`).') }))
  .max(64)
  .meta({ 'x-kubernetes-list-type': 'atomic' })
  .describe(
    'Certificates of this server; SNI picks, the first is the default. None: a self-signed one, and a warning. Postfix: smtpd_tls_chain_files.',
  );
const minimumVersion = z
  .enum(['TLSv1.2', 'TLSv1.3'])
  .describe('Oldest TLS version that is spoken. Postfix: smtpd_tls_protocols.');

const limitFields = {
  messageSize: quantity('0', '1Gi').describe(
    'Largest message in octets; 0 = no limit. 552 5.3.4 above it. Postfix: message_size_limit.',
  ),
  recipients: count(1, 100_000).describe(
    'Recipients per transaction; 452 4.5.3 above it. Postfix: smtpd_recipient_limit.',
  ),
  headerSize: quantity('1Ki', '16Mi').describe(
    'Largest header section, as a whole; 552 5.3.4 above it. Postfix: header_size_limit.',
  ),
  lineLength: count(512, 65_536).describe(
    'Longest command line in octets, CRLF included; 500 5.5.2 above it. Postfix: line_length_limit.',
  ),
  errors: count(1, 1000).describe(
    'Errors in a session before it is closed with 421. Postfix: smtpd_hard_error_limit.',
  ),
  connectionsPerClient: count(0, 100_000).describe(
    'Connections that one client address may have open at a time; 0 = off. Postfix: smtpd_client_connection_count_limit.',
  ),
};

/** Defaults of the limits, in the spelling of manifests. */
const defaultLimits = {
  messageSize: 10_240_000,
  recipients: 1000,
  headerSize: '512Ki',
  lineLength: 2048,
  errors: 20,
  connectionsPerClient: 50,
} as const;

const platformLimits = z.strictObject({
  messageSize: limitFields.messageSize.default(defaultLimits.messageSize),
  recipients: limitFields.recipients.default(defaultLimits.recipients),
  headerSize: limitFields.headerSize.default(defaultLimits.headerSize),
  lineLength: limitFields.lineLength.default(defaultLimits.lineLength),
  errors: limitFields.errors.default(defaultLimits.errors),
  connectionsPerClient: limitFields.connectionsPerClient.default(defaultLimits.connectionsPerClient),
});

const listenerLimits = z.strictObject({
  messageSize: limitFields.messageSize.optional(),
  recipients: limitFields.recipients.optional(),
  headerSize: limitFields.headerSize.optional(),
  lineLength: limitFields.lineLength.optional(),
  errors: limitFields.errors.optional(),
  connectionsPerClient: limitFields.connectionsPerClient.optional(),
});

const timeoutFields = {
  idle: duration('100ms', '1h').describe(
    'For one complete command, TLS handshake or AUTH step, and for each read of message data. Postfix: smtpd_timeout.',
  ),
  message: duration('1s', '1d').describe('From 354 (or the first BDAT) to the end of the message.'),
};
const platformTimeouts = z.strictObject({
  idle: timeoutFields.idle.default('300s'),
  message: timeoutFields.message.default('30m'),
});
const listenerTimeouts = z.strictObject({
  idle: timeoutFields.idle.optional(),
  message: timeoutFields.message.optional(),
});

const proxies = z.array(trustedPrefix()).min(1).max(64);

const listener = ruled(
  z.strictObject({
    name: entryName().describe('Name of the listener, in logs and metrics.'),
    port: port().describe('TCP port.'),
    role: z
      .enum(['MX', 'Submission', 'Internal'])
      .describe(
        'MX: mail for our domains only, no AUTH offered, nobody is trusted. Submission: TLS, then AUTH, then anywhere. Internal: clients of trustedNetworks may relay without AUTH, others are refused at connect.',
      ),
    tls: z
      .strictObject({
        mode: z
          .enum(['StartTLS', 'Implicit', 'None'])
          .default('StartTLS')
          .describe('StartTLS: on demand. Implicit: from the first octet. None: only for role Internal.'),
        certificates: certificates.optional(),
        minimumVersion: minimumVersion.optional(),
      })
      .optional()
      .describe('TLS of this listener; what is missing comes from spec.tls.'),
    limits: listenerLimits
      .optional()
      .describe('Limits of this listener; what is missing comes from spec.limits.'),
    timeouts: listenerTimeouts
      .optional()
      .describe('Deadlines of this listener; what is missing comes from spec.timeouts.'),
    ehloKeywords: z
      .strictObject({
        withhold: listSet(
          z
            .array(
              z.enum([
                'PIPELINING',
                'SIZE',
                '8BITMIME',
                'SMTPUTF8',
                'DSN',
                'ENHANCEDSTATUSCODES',
                'CHUNKING',
                'BINARYMIME',
                'STARTTLS',
                'AUTH',
                'VRFY',
              ]),
            )
            .max(16),
        )
          .default([])
          .describe('Keywords that EHLO does not announce. Postfix: smtpd_discard_ehlo_keywords.'),
      })
      .optional()
      .describe('What EHLO announces.'),
    trustedNetworks: z
      .array(trustedPrefix())
      .min(1)
      .max(64)
      .meta({ 'x-kubernetes-list-type': 'set' })
      .optional()
      .describe(
        'Networks (CIDR) whose clients may relay; role Internal only, where it must be set. Postfix: mynetworks.',
      ),
    proxyProtocol: z
      .strictObject({
        trustedProxies: proxies
          .meta({ 'x-kubernetes-list-type': 'set' })
          .describe('Networks (CIDR) of the load balancers; others are refused at connect.'),
      })
      .optional()
      .describe(
        'The port speaks the PROXY protocol (v1 and v2), from these proxies only. Postfix: smtpd_upstream_proxy_protocol.',
      ),
  }),
  {
    cel: "has(self.trustedNetworks) == (self.role == 'Internal')",
    message: 'trustedNetworks belongs to role Internal, and there it must be set',
    path: ['trustedNetworks'],
    holds: (each) => (each.trustedNetworks !== undefined) === (each.role === 'Internal'),
  },
  {
    cel: "!has(self.tls) || !has(self.tls.mode) || self.tls.mode != 'None' || self.role == 'Internal'",
    message: 'tls.mode None is allowed on role Internal only',
    path: ['tls', 'mode'],
    holds: (each) => each.tls?.mode !== 'None' || each.role === 'Internal',
  },
);

const listeners = ruled(listMap(z.array(listener).min(1).max(16), 'name'), {
  cel: 'self.all(a, self.exists_one(b, b.port == a.port))',
  message: 'two listeners have the same port',
  holds: (all) => new Set(all.map((each) => each.port)).size === all.length,
}).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

const queue = z.strictObject({
  backoff: ruled(
    z.strictObject({
      minimum: duration('100ms', '1d')
        .default('300s')
        .describe(
          'Time to the second attempt; doubles from attempt to attempt. Postfix: minimal_backoff_time.',
        ),
      maximum: duration('100ms', '7d')
        .default('4000s')
        .describe('Longest time between attempts. Postfix: maximal_backoff_time.'),
    }),
    {
      cel: '!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum',
      message: 'minimum must not be longer than maximum',
      path: ['minimum'],
      holds: (each) => isOrdered(each.minimum, each.maximum),
    },
  )
    .prefault({})
    .describe('When deferred mail is tried again.'),
  lifetime: duration('0s', '100d')
    .default('5d')
    .describe(
      'Age at which mail that cannot be delivered is returned; 0s: one attempt. Postfix: maximal_queue_lifetime.',
    ),
  bounceLifetime: duration('0s', '100d')
    .default('5d')
    .describe('The same for mail with a null reverse-path. Postfix: bounce_queue_lifetime.'),
  delayWarning: duration('0s', '100d')
    .default('0s')
    .describe('Age at which the sender is told of the delay; 0s = never. Postfix: delay_warning_time.'),
});

const delivery = z.strictObject({
  concurrency: ruled(
    z.strictObject({
      initial: count(1, 1000)
        .default(5)
        .describe(
          'Deliveries at a time to a destination at first. Postfix: initial_destination_concurrency.',
        ),
      limit: count(1, 1000)
        .default(20)
        .describe(
          'Most deliveries at a time to a destination. Postfix: default_destination_concurrency_limit.',
        ),
    }),
    {
      cel: '!has(self.initial) || !has(self.limit) || self.initial <= self.limit',
      message: 'initial must not be more than limit',
      path: ['initial'],
      holds: (each) => each.initial <= each.limit,
    },
  )
    .prefault({})
    .describe('How many deliveries to one destination run at a time.'),
  recipientsPerDelivery: count(1, 1000)
    .default(50)
    .describe('Recipients of one delivery. Postfix: default_destination_recipient_limit.'),
  tls: ClientTls.default({ mode: 'May' }).describe('TLS policy for next hops that have none of their own.'),
  ehlo: domainName()
    .optional()
    .describe('Name in EHLO and LHLO; default: hostname. Postfix: smtp_helo_name.'),
  timeouts: z
    .strictObject({
      connect: duration('100ms', '1h').default('30s').describe('TCP connect. Postfix: smtp_connect_timeout.'),
      command: duration('100ms', '1h')
        .default('300s')
        .describe('Greeting and replies to commands. Postfix: smtp_helo_timeout, smtp_mail_timeout.'),
      dataInit: duration('100ms', '1h').default('120s').describe('354. Postfix: smtp_data_init_timeout.'),
      dataBlock: duration('100ms', '1h')
        .default('180s')
        .describe('Each write of message data. Postfix: smtp_data_xfer_timeout.'),
      dataDone: duration('100ms', '1h')
        .default('600s')
        .describe('Reply to the end of data. Postfix: smtp_data_done_timeout.'),
    })
    .prefault({})
    .describe('Deadlines of the SMTP and LMTP client.'),
});

/** Spec of a MailPlatform. */
export const MailPlatformSpec = z.strictObject({
  hostname: domainName().describe('Name in banner, EHLO, Received and reports. Postfix: myhostname.'),
  origin: domainName()
    .optional()
    .describe('Domain that completes addresses without one; default: hostname. Postfix: myorigin.'),
  listeners: listeners.describe('Ports to open; one that is not listed is not opened.'),
  tls: z
    .strictObject({
      certificates: certificates.default([]),
      minimumVersion: minimumVersion.default('TLSv1.2'),
    })
    .prefault({})
    .describe('TLS of the listeners.'),
  limits: platformLimits.prefault({}).describe('Limits of sessions and messages.'),
  timeouts: platformTimeouts.prefault({}).describe('Deadlines of sessions.'),
  bareNewline: z
    .enum(['Normalize', 'Reject'])
    .default('Normalize')
    .describe(
      'A line feed without carriage return in message data. Normalize: becomes a line end, but never ends the data. Reject: 550. Postfix: smtpd_forbid_bare_newline.',
    ),
  queue: queue.prefault({}).describe('When mail is tried again, returned, and its sender warned.'),
  delivery: delivery.prefault({}).describe('How mail is delivered to others.'),
});
export type MailPlatformSpec = z.infer<typeof MailPlatformSpec>;

/** The kind. */
export const mailPlatform = defineKind({
  kind: 'MailPlatform',
  plural: 'mailplatforms',
  shortName: 'mailplat',
  description:
    'A MailPlatform is one installation: its name, the ports it opens, its limits, and how it queues and delivers. Settings of places (NATS, spool, addresses to bind) are process settings instead.',
  spec: MailPlatformSpec,
  status: {},
  columns: [
    { name: 'Hostname', type: 'string', jsonPath: '.spec.hostname', description: 'Name of the platform.' },
  ],
  selectableFields: [],
  example: `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.example.test
  listeners:
  - {name: mx, port: 2525, role: MX}
  - {name: submission, port: 2587, role: Submission}
  - {name: submissions, port: 2465, role: Submission, tls: {mode: Implicit}}
  tls: {certificates: [{secretRef: {name: mail-tls}}], minimumVersion: TLSv1.2}
  limits: {messageSize: 10240000, recipients: 1000}
  queue: {backoff: {minimum: 300s, maximum: 4000s}, lifetime: 5d}
`,
});
