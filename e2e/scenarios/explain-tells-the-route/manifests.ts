/** One rule of each kind that decides about a recipient, and senders and recipients that meet them. */
import type { ScenarioPorts } from '../../support/manifests.ts';

/** Where the next hops of this scenario listen. */
export interface FarPorts {
  readonly one: number;
  readonly two: number;
  readonly rest: number;
  readonly lmtp: number;
}

function object(kind: string, name: string, spec: string): string {
  return `---\napiVersion: railpost.io/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

function smtpTo(port: number): string {
  return `{smtp: {hosts: [{host: 127.0.0.1, port: ${port}}]}}`;
}

function mailbox(localPart: string, more = ''): string {
  return object('Mailbox', localPart, `{domain: example.test, localPart: ${localPart}${more}}`);
}

function relay(domain: string, more = '', recipients = '{mode: AcceptAll}'): string {
  return object('MailDomain', domain, `{domain: ${domain}, class: Relay, recipients: ${recipients}${more}}`);
}

/** The platform: its second listener is Internal, so that questions about any domain can be asked by sending. */
export function platform(ports: ScenarioPorts): string {
  return object(
    'MailPlatform',
    'main',
    `
  hostname: mail.example.test
  origin: example.test
  listeners:
  - {name: mx, port: ${ports.mx}, role: MX}
  - {name: internal, port: ${ports.submission}, role: Internal, trustedNetworks: [127.0.0.0/8], tls: {mode: None}}
  queue: {backoff: {minimum: 1h, maximum: 2h}}`,
  );
}

/** Domains, mailboxes and aliases. */
export function addresses(far: FarPorts): string {
  return [
    object('MailDomain', 'example.test', '{domain: example.test, class: Mailbox}'),
    mailbox('alice', ', aliases: [a.smith]'),
    mailbox('bob'),
    mailbox('keeper', ', forwarding: {to: [copy@partner.test, keeper@example.test], keepCopy: true}'),
    mailbox('mover', ', forwarding: {to: [gone@elsewhere.test, alice@example.test]}'),
    mailbox('ping', ', forwarding: {to: [pong@example.test]}'),
    mailbox('pong', ', forwarding: {to: [ping@example.test]}'),
    mailbox('far', `, delivery: ${smtpTo(far.two)}`),
    mailbox('mute', ', state: SendOnly'),
    mailbox('off', ', state: Disabled'),
    mailbox('inbox', ', state: ReceiveOnly'),
    object(
      'AliasMap',
      'roles',
      `
  domain: example.test
  entries:
  - {localPart: postmaster, to: [alice@example.test]}
  - {localPart: team, to: [alice@example.test, bob@example.test, carol@partner.test]}
  - {localPart: everybody, to: [team@example.test, alice@example.test, mover@example.test, x@lmtp.test]}
  - {localPart: circle, to: [round@example.test]}
  - {localPart: round, to: [circle@example.test]}
  - {localPart: broken, to: [nobody@example.test, bob@example.test, x@moved.test]}
  - {localPart: self, to: [self@example.test, bob@example.test]}`,
    ),
    object(
      'MailDomain',
      'catch.test',
      '{domain: catch.test, class: Mailbox, catchAll: bob@example.test, recipientDelimiters: "-+"}',
    ),
    object('MailDomain', 'alias.test', '{domain: alias.test, class: Alias, aliasOf: example.test}'),
    relay('partner.test'),
    relay('listed.test', `, delivery: ${smtpTo(far.two)}`, '{mode: List, list: [a], patterns: ["^team-"]}'),
    relay('lmtp.test', `, delivery: {lmtp: {host: 127.0.0.1, port: ${far.lmtp}}}`),
    relay('unrouted.test'),
    relay('moved.test', ', delivery: {error: {code: 5.1.6, text: has moved}}'),
    relay('later.test', ', delivery: {retry: {code: 4.7.1, text: not today}}'),
    relay('waste.test', ', delivery: {discard: {}}'),
  ].join('');
}

/** Routes of every kind of match. */
export function routes(far: FarPorts): string {
  return object(
    'TransportMap',
    'outbound',
    `
  routes:
  - {name: partner, match: {domains: [partner.test]}, nextHop: ${smtpTo(far.one)}}
  - {name: below, match: {domains: ["*.partner.test"]}, nextHop: ${smtpTo(far.two)}}
  - {name: deeper, match: {domains: ["*.deep.partner.test"]}, nextHop: ${smtpTo(far.rest)}}
  - {name: special, match: {recipients: [special@partner.test, alice@lmtp.test]}, nextHop: ${smtpTo(far.two)}}
  - {name: extended, match: {recipients: [special+urgent@partner.test]}, nextHop: ${smtpTo(far.rest)}}
  - {name: refused, match: {recipients: [refused@partner.test]}, nextHop: {error: {code: 5.7.1, text: no}}}
  - {name: by-mx, match: {domains: [mx.test]}, nextHop: {smtp: {}}}
  - {name: by-other-mx, match: {domains: [hosted.test]}, nextHop: {smtp: {mx: mx.test}}}
  - {name: boss, match: {senders: [boss@example.test]}, nextHop: ${smtpTo(far.one)}}
  - {name: news, match: {senders: ["*@news.test", "*@example.test"]}, nextHop: ${smtpTo(far.two)}}
  - {name: rest, match: {default: true}, nextHop: ${smtpTo(far.rest)}}`,
  );
}

/** Local parts, domains and senders to be combined at random. */
export const localParts = [
  ...['alice', 'Alice', 'alice+x', '"alice"', 'a.smith', 'a.smith+y', 'bob', 'keeper', 'keeper+z', 'mover'],
  ...['ping', 'pong', 'far', 'far+x', 'mute', 'off', 'inbox', 'postmaster', 'team', 'team+list', 'everybody'],
  ...['circle', 'broken', 'self', 'nobody', 'special', 'special+urgent', 'special+other', 'refused', 'a'],
  ...['team-1', 'TEAM-2+x', 'x', 'x-y', '"odd one"'],
];
export const domains = [
  ...['example.test', 'EXAMPLE.test', 'catch.test', 'alias.test', 'partner.test', 'sub.partner.test'],
  ...['deep.partner.test', 'x.deep.partner.test', 'listed.test', 'lmtp.test', 'unrouted.test', 'moved.test'],
  ...['later.test', 'waste.test', 'mx.test', 'hosted.test', 'elsewhere.test', 'mail.example.test'],
];
export const senders = [
  ...['', 'x@elsewhere.test', 'boss@example.test', 'Boss@Example.test', 'boss+x@example.test'],
  ...['alice@example.test', 'letter@news.test', 'alice'],
];
