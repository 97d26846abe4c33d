/**
 * The configuration as running code reads it: every default filled in, durations in milliseconds, sizes in octets,
 * Secrets by key (`<namespace>/<name>`). Compiled from the kinds by compile.ts, carried in units, handed out by the snapshot.
 * Manifests never reach a service; these shapes do.
 */
import type { NextHop, NextHopTls } from '@railpost/contracts';

/** Bounds of a session; a listener's own value, else the platform's (Postfix smtpd_recipient_limit and others). */
export interface LimitSettings {
  /** Largest message in octets (SIZE, RFC 1870; Postfix message_size_limit). 0 = no limit. */
  readonly messageSizeBytes: number;
  /** Recipients per transaction; above it 452 4.5.3. */
  readonly recipients: number;
  /** Whole header section in octets; above it 552 5.3.4. */
  readonly headerSizeBytes: number;
  /** Longest command line in octets, CRLF included; above it 500 5.5.2. */
  readonly lineLengthBytes: number;
  /** Errors before a session is closed with 421 (Postfix smtpd_hard_error_limit). */
  readonly errors: number;
  /** Concurrent connections of one client address, per process; 0 = off. */
  readonly connectionsPerClient: number;
}

/** Deadlines of a session. */
export interface TimeoutSettings {
  /** For one complete command, handshake or AUTH step, and for each read in DATA. */
  readonly idleMs: number;
  /** From 354 (or the first BDAT) to the end of data. */
  readonly messageMs: number;
}

/** TLS of a listener. */
export interface ListenerTlsSettings {
  readonly mode: 'StartTLS' | 'Implicit' | 'None';
  /** Keys of kubernetes.io/tls Secrets (`tls.crt`, `tls.key`); empty: the process makes a self-signed one. SNI picks. */
  readonly certificates: readonly string[];
  readonly minimumVersion: 'TLSv1.2' | 'TLSv1.3';
}

export type ListenerRole = 'MX' | 'Submission' | 'Internal';

/** One port that smtp-ingress opens, with everything that applies to it. */
export interface ListenerSettings {
  readonly name: string;
  readonly port: number;
  /** MX: our domains only, no AUTH. Submission: TLS, then AUTH, then anywhere. Internal: `trustedNetworks` may relay. */
  readonly role: ListenerRole;
  readonly tls: ListenerTlsSettings;
  readonly limits: LimitSettings;
  readonly timeouts: TimeoutSettings;
  /** EHLO keywords that are not announced, upper case. */
  readonly withheldKeywords: readonly string[];
  /** CIDR prefixes; others are refused at connect. Empty unless the role is Internal. */
  readonly trustedNetworks: readonly string[];
  /** CIDR prefixes that may (and must) speak the PROXY protocol; undefined = the listener does not speak it. */
  readonly trustedProxies: readonly string[] | undefined;
}

/** When the queue tries again and when it gives up (Postfix minimal_backoff_time and others). */
export interface QueueSettings {
  readonly backoffMinimumMs: number;
  readonly backoffMaximumMs: number;
  readonly lifetimeMs: number;
  /** Lifetime of mail with a null reverse-path. */
  readonly bounceLifetimeMs: number;
  /** Age at which the sender is told of a delay; 0 = never. */
  readonly delayWarningMs: number;
}

/** Deadlines of the SMTP client, per phase. */
export interface DeliveryTimeoutSettings {
  readonly connectMs: number;
  readonly commandMs: number;
  readonly dataInitMs: number;
  readonly dataBlockMs: number;
  readonly dataDoneMs: number;
}

/** How delivery agents knock at others' doors. */
export interface DeliverySettings {
  readonly concurrencyInitial: number;
  readonly concurrencyLimit: number;
  readonly recipientsPerDelivery: number;
  /** For next hops without a policy of their own. */
  readonly tls: NextHopTls;
  /** Argument of EHLO and LHLO. */
  readonly ehlo: string;
  readonly timeouts: DeliveryTimeoutSettings;
}

/** The MailPlatform. */
export interface PlatformSettings {
  readonly name: string;
  /** Banner, EHLO, Received, reporting MTA. */
  readonly hostname: string;
  /** Completes addresses without a domain (Postfix myorigin). */
  readonly origin: string;
  /** Who gets `<postmaster>` and the postmaster of domains without one (RFC 5321 section 4.5.1); undefined = nobody. */
  readonly postmaster: string | undefined;
  readonly listeners: readonly ListenerSettings[];
  /** What listeners without `tls` of their own use. */
  readonly tls: Omit<ListenerTlsSettings, 'mode'>;
  readonly limits: LimitSettings;
  readonly timeouts: TimeoutSettings;
  readonly bareNewline: 'Normalize' | 'Reject';
  readonly queue: QueueSettings;
  readonly delivery: DeliverySettings;
}

export type DomainClass = 'Mailbox' | 'Relay' | 'Alias';

/**
 * A next hop as a manifest wrote it, secrets named: {@link NextHop}, except that `smtp` without `mx` and `hosts` means the
 * MX of the recipient's domain, and that `mailbox` has no domain yet. The resolver completes it.
 */
export type HopTemplate =
  | Exclude<NextHop, { readonly transport: 'mailbox' }>
  | { readonly transport: 'mailbox' };

/** Which recipients of a Relay domain exist. */
export interface RelayRecipients {
  readonly mode: 'AcceptAll' | 'List';
  /** Local parts, lower case. */
  readonly list: readonly string[];
  /** RE2, without case, unanchored, on the local part without extension. */
  readonly patterns: readonly string[];
}

/** A MailDomain. */
export interface DomainSettings {
  /** A-labels, lower case. */
  readonly domain: string;
  readonly namespace: string;
  readonly class: DomainClass;
  /** Own or of the class; undefined: routes, else MX. */
  readonly delivery: HopTemplate | undefined;
  /** Every character is a delimiter; empty = none. */
  readonly recipientDelimiters: string;
  readonly catchAll: string | undefined;
  /** Class Alias: the domain that this one stands for. */
  readonly aliasOf: string | undefined;
  /** Class Relay. */
  readonly recipients: RelayRecipients | undefined;
  /** True: accept and keep, deliver nothing. */
  readonly suspend: boolean;
}

export type MailboxState = 'Enabled' | 'ReceiveOnly' | 'SendOnly' | 'Disabled';

/** A Mailbox. */
export interface MailboxSettings {
  /** `localPart@domain`, lower case: also the login. */
  readonly address: string;
  readonly localPart: string;
  readonly domain: string;
  readonly state: MailboxState;
  /** `{ARGON2ID}...`, `{SHA512-CRYPT}...` or `{BLF-CRYPT}...`; undefined: no login. */
  readonly passwordHash: string | undefined;
  readonly forwarding: { readonly to: readonly string[]; readonly keepCopy: boolean } | undefined;
  /** Overrides the domain's. */
  readonly delivery: HopTemplate | undefined;
  /** Octets; undefined = no limit. */
  readonly quotaBytes: number | undefined;
}
