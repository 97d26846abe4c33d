import { describe, expect, it } from 'vitest';
import { describe as describeProblems, parseYaml } from '../test/compile-yaml.ts';
import { kinds } from './manifests.ts';

function document(kind: string, spec: string, name = 'x'): string {
  return `{apiVersion: railpost.io/v1alpha1, kind: ${kind}, metadata: {name: "${name}"}, spec: {${spec}}}`;
}

const listeners = 'listeners: [{name: mx, port: 25, role: MX}]';
const platform = (spec: string): string => document('MailPlatform', `hostname: mail.test, ${spec}`);
const listener = (fields: string): string => platform(`listeners: [{name: a, port: 25, ${fields}}]`);
const internal = (networks: string): string => listener(`role: Internal, trustedNetworks: [${networks}]`);
const domain = (spec: string): string => document('MailDomain', `domain: a.test, ${spec}`, 'a.test');
const mailbox = (spec: string): string => document('Mailbox', `domain: a.test, ${spec}`);
const route = (inner: string): string => document('TransportMap', `routes: [{name: r, ${inner}}]`);
const hop = (nextHop: string): string => route(`match: {default: true}, nextHop: {${nextHop}}`);
const aliases = (entries: string): string => document('AliasMap', `domain: a.test, entries: [${entries}]`);

const good: readonly (readonly [string, string])[] = [
  ['the shortest platform', platform(listeners)],
  ['a private network as trusted', internal('10.2.0.0/16')],
  ['the shortest IPv4 prefix', internal('10.0.0.0/8')],
  ['the shortest IPv6 prefix', internal('"2001::/16"')],
  ['unique local IPv6 as a whole', internal('"fc00::/7"')],
  ['no TLS on Internal', listener('role: Internal, trustedNetworks: [10.0.0.0/8], tls: {mode: None}')],
  ['a PROXY listener', listener('role: MX, proxyProtocol: {trustedProxies: [10.1.0.0/24]}')],
  ['a quantity as text', platform(`${listeners}, limits: {messageSize: 50Mi}`)],
  ['a fast queue', platform(`${listeners}, queue: {backoff: {minimum: 2s, maximum: 10s}, lifetime: 1m}`)],
  ['a Mailbox domain', domain('class: Mailbox')],
  [
    'a Relay domain with a list',
    domain('class: Relay, recipients: {mode: List, list: [a], patterns: ["^team-"]}'),
  ],
  ['an Alias domain', domain('class: Alias, aliasOf: b.test')],
  ['a local part outside ASCII', mailbox('localPart: jürgen')],
  [
    'a Mailbox with everything',
    mailbox(
      'localPart: a, aliases: [b], forwarding: {to: [c@d.test], keepCopy: true}, quota: 2Gi, state: SendOnly, delivery: {lmtp: {host: d, port: 24}}',
    ),
  ],
  ['a hop to the MX', hop('smtp: {}')],
  ['a hop to hosts', hop('smtp: {hosts: [{host: 127.0.0.1, port: 2526}, {host: "::1"}]}')],
  ['a hop with credentials and TLS', hop('smtp: {tls: {mode: Encrypt}, credentialsSecretRef: {name: s}}')],
  ['a hop to a socket', hop('lmtp: {path: /run/dovecot/lmtp}')],
  ['an error with a code', hop('error: {code: 5.1.6, text: moved}')],
  ['a wildcard match', route('match: {domains: [b.test, "*.b.test"]}, nextHop: {discard: {}}')],
  ['a sender match', route('match: {senders: ["*@news.test", a+b@c.test]}, nextHop: {smtp: {}}')],
  ['aliases', aliases('{localPart: a, to: [b@c.test]}')],
];

/** Name, document, field of the first problem, part of its text. */
const bad: readonly (readonly [string, string, string, string])[] = [
  ['a document without kind', '{a: 1}', '', 'apiVersion and kind'],
  ['an unknown kind of our group', document('MailBoxx', 'a: 1'), 'kind', 'there are MailPlatform'],
  [
    'another version',
    '{apiVersion: railpost.io/v2, kind: Mailbox, metadata: {name: x}, spec: {}}',
    'apiVersion',
    'v1alpha1',
  ],
  [
    'a name in capitals',
    document('AliasMap', 'domain: a.test, entries: [{localPart: a, to: [b@c.test]}]', 'X'),
    'metadata.name',
    'lower case',
  ],
  [
    'an unknown field of metadata',
    '{apiVersion: railpost.io/v1alpha1, kind: MailDomain, metadata: {name: a.test, label: {}}, spec: {domain: a.test, class: Mailbox}}',
    'metadata.label',
    'unknown field',
  ],
  ['an unknown field', platform(`${listeners}, banner: hi`), 'spec.banner', 'unknown field'],
  ['an unknown field in a list', listener('role: MX, tsl: {}'), 'spec.listeners[0].tsl', 'unknown field'],
  ['a missing field', document('MailPlatform', listeners), 'spec.hostname', 'required'],
  ['no listeners', platform('listeners: []'), 'spec.listeners', '>=1'],
  [
    'a port out of range',
    platform('listeners: [{name: a, port: 70000, role: MX}]'),
    'spec.listeners[0].port',
    '65535',
  ],
  [
    'two listeners of one name',
    platform('listeners: [{name: a, port: 25, role: MX}, {name: a, port: 26, role: MX}]'),
    'spec.listeners',
    'same name',
  ],
  [
    'two listeners on one port',
    platform('listeners: [{name: a, port: 25, role: MX}, {name: b, port: 25, role: MX}]'),
    'spec.listeners',
    'same port',
  ],
  [
    'trusted networks on MX',
    listener('role: MX, trustedNetworks: [10.0.0.0/8]'),
    'spec.listeners[0].trustedNetworks',
    'role Internal',
  ],
  [
    'trusted networks on Submission',
    listener('role: Submission, trustedNetworks: [10.0.0.0/8]'),
    'spec.listeners[0].trustedNetworks',
    'role Internal',
  ],
  [
    'Internal without networks',
    listener('role: Internal'),
    'spec.listeners[0].trustedNetworks',
    'role Internal',
  ],
  ['no TLS on MX', listener('role: MX, tls: {mode: None}'), 'spec.listeners[0].tls.mode', 'Internal only'],
  [
    'half of the Internet',
    internal('0.0.0.0/1, 128.0.0.0/1'),
    'spec.listeners[0].trustedNetworks[0]',
    'too wide',
  ],
  ['all of the Internet', internal('0.0.0.0/0'), 'spec.listeners[0].trustedNetworks[0]', 'too wide'],
  ['a /7', internal('10.0.0.0/7'), 'spec.listeners[0].trustedNetworks[0]', 'too wide'],
  ['an IPv6 /15', internal('"2000::/15"'), 'spec.listeners[0].trustedNetworks[0]', 'too wide'],
  ['half of IPv6', internal('"8000::/1"'), 'spec.listeners[0].trustedNetworks[0]', 'too wide'],
  ['host bits', internal('10.2.0.1/16'), 'spec.listeners[0].trustedNetworks[0]', 'host bits'],
  ['IPv4 dressed as IPv6', internal('"::ffff:0:0/96"'), 'spec.listeners[0].trustedNetworks[0]', 'CIDR'],
  ['an address without length', internal('10.2.0.1'), 'spec.listeners[0].trustedNetworks[0]', 'CIDR'],
  [
    'wide proxies',
    listener('role: MX, proxyProtocol: {trustedProxies: [0.0.0.0/0]}'),
    'spec.listeners[0].proxyProtocol.trustedProxies[0]',
    'too wide',
  ],
  [
    'an unknown keyword',
    listener('role: MX, ehloKeywords: {withhold: [FOO]}'),
    'spec.listeners[0].ehloKeywords.withhold[0]',
    'PIPELINING',
  ],
  [
    'a size with a bad suffix',
    platform(`${listeners}, limits: {messageSize: 50MB}`),
    'spec.limits.messageSize',
    'quantity',
  ],
  [
    'a size out of bounds',
    platform(`${listeners}, limits: {messageSize: 2Gi}`),
    'spec.limits.messageSize',
    'at most 1Gi',
  ],
  [
    'a duration without unit',
    platform(`${listeners}, timeouts: {idle: "300"}`),
    'spec.timeouts.idle',
    '300s',
  ],
  ['a duration as number', platform(`${listeners}, timeouts: {idle: 300}`), 'spec.timeouts.idle', 'string'],
  [
    'a duration of two units',
    platform(`${listeners}, timeouts: {idle: 1h30m}`),
    'spec.timeouts.idle',
    '300s',
  ],
  [
    'a duration out of bounds',
    platform(`${listeners}, timeouts: {idle: 2h}`),
    'spec.timeouts.idle',
    'at most 1h',
  ],
  [
    'a backoff that shrinks',
    platform(`${listeners}, queue: {backoff: {minimum: 2h, maximum: 1h}}`),
    'spec.queue.backoff.minimum',
    'longer',
  ],
  [
    'a default backoff that shrinks',
    platform(`${listeners}, queue: {backoff: {maximum: 10s}}`),
    'spec.queue.backoff.minimum',
    'longer',
  ],
  [
    'concurrency beyond its limit',
    platform(`${listeners}, delivery: {concurrency: {initial: 30}}`),
    'spec.delivery.concurrency.initial',
    'limit',
  ],
  [
    'a CA without Verify',
    platform(`${listeners}, delivery: {tls: {mode: Encrypt, caSecretRef: {name: x}}}`),
    'spec.delivery.tls.caSecretRef',
    'Verify',
  ],
  [
    'a domain in capitals',
    document('MailDomain', 'domain: A.test, class: Mailbox', 'a.test'),
    'spec.domain',
    'lower case',
  ],
  [
    'a U-label',
    document('MailDomain', 'domain: bücher.test, class: Mailbox', 'a.test'),
    'spec.domain',
    'A-labels',
  ],
  [
    'a domain with another name',
    document('MailDomain', 'domain: a.test, class: Mailbox', 'b.test'),
    'metadata.name',
    'spec.domain',
  ],
  ['an unknown class', domain('class: Virtual'), 'spec.class', 'Mailbox'],
  ['Alias without aliasOf', domain('class: Alias'), 'spec.aliasOf', 'must be set'],
  ['aliasOf without Alias', domain('class: Mailbox, aliasOf: b.test'), 'spec.aliasOf', 'class Alias'],
  ['an alias of itself', domain('class: Alias, aliasOf: a.test'), 'spec.aliasOf', 'itself'],
  ['Relay that does not choose', domain('class: Relay'), 'spec.recipients', 'must be set'],
  [
    'recipients in a Mailbox domain',
    domain('class: Mailbox, recipients: {mode: AcceptAll}'),
    'spec.recipients',
    'class Relay',
  ],
  [
    'AcceptAll with a list',
    domain('class: Relay, recipients: {mode: AcceptAll, list: [a]}'),
    'spec.recipients.mode',
    'mode List',
  ],
  [
    'a pattern that RE2 refuses',
    domain('class: Relay, recipients: {mode: List, patterns: ["(?=a)"]}'),
    'spec.recipients.patterns[0]',
    'RE2',
  ],
  [
    'catchAll in a Relay domain',
    domain('class: Relay, recipients: {mode: AcceptAll}, catchAll: a@b.test'),
    'spec.catchAll',
    'class Mailbox',
  ],
  [
    'delivery of an Alias domain',
    domain('class: Alias, aliasOf: b.test, delivery: {discard: {}}'),
    'spec.delivery',
    'class Alias',
  ],
  [
    'mailbox delivery in a Relay domain',
    domain('class: Relay, recipients: {mode: AcceptAll}, delivery: {mailbox: {}}'),
    'spec.delivery.mailbox',
    'class Mailbox',
  ],
  [
    'a delimiter that is none',
    domain('class: Mailbox, recipientDelimiters: "@"'),
    'spec.recipientDelimiters',
    'atom',
  ],
  ['a local part in capitals', mailbox('localPart: Alice'), 'spec.localPart', 'lower case'],
  ['a local part with a space', mailbox('localPart: "a b"'), 'spec.localPart', 'quotes'],
  ['a local part with two dots', mailbox('localPart: a..b'), 'spec.localPart', 'local part'],
  ['a local part of 65 characters', mailbox(`localPart: ${'a'.repeat(65)}`), 'spec.localPart', '64'],
  ['its own alias', mailbox('localPart: a, aliases: [a]'), 'spec.aliases', 'itself'],
  ['an alias twice', mailbox('localPart: a, aliases: [b, b]'), 'spec.aliases', 'twice'],
  ['forwarding to nobody', mailbox('localPart: a, forwarding: {to: []}'), 'spec.forwarding.to', '>=1'],
  [
    'forwarding to no address',
    mailbox('localPart: a, forwarding: {to: [bob]}'),
    'spec.forwarding.to[0]',
    'address',
  ],
  ['an unknown state', mailbox('localPart: a, state: Off'), 'spec.state', 'Enabled'],
  [
    'a route without match',
    route('match: {}, nextHop: {discard: {}}'),
    'spec.routes[0].match',
    'exactly one of recipients',
  ],
  [
    'a route with two matches',
    route('match: {default: true, domains: [b.test]}, nextHop: {discard: {}}'),
    'spec.routes[0].match',
    'exactly one of recipients',
  ],
  [
    'default: false',
    route('match: {default: false}, nextHop: {discard: {}}'),
    'spec.routes[0].match.default',
    'true',
  ],
  [
    'two routes of one name',
    document(
      'TransportMap',
      'routes: [{name: r, match: {default: true}, nextHop: {discard: {}}}, {name: r, match: {domains: [b.test]}, nextHop: {discard: {}}}]',
    ),
    'spec.routes',
    'same name',
  ],
  [
    'a star in the middle',
    route('match: {domains: ["a.*.test"]}, nextHop: {discard: {}}'),
    'spec.routes[0].match.domains[0]',
    '*.domain',
  ],
  ['a hop that is none', hop(''), 'spec.routes[0].nextHop', 'exactly one of smtp'],
  ['a hop that is two', hop('smtp: {}, discard: {}'), 'spec.routes[0].nextHop', 'exactly one of smtp'],
  [
    'mx and hosts',
    hop('smtp: {mx: b.test, hosts: [{host: c.test}]}'),
    'spec.routes[0].nextHop.smtp',
    'exclude',
  ],
  [
    'credentials without TLS',
    hop('smtp: {credentialsSecretRef: {name: s}}'),
    'spec.routes[0].nextHop.smtp.credentialsSecretRef',
    'Encrypt or Verify',
  ],
  [
    'credentials with TLS May',
    hop('smtp: {tls: {mode: May}, credentialsSecretRef: {name: s}}'),
    'spec.routes[0].nextHop.smtp.credentialsSecretRef',
    'Encrypt or Verify',
  ],
  ['lmtp to nowhere', hop('lmtp: {}'), 'spec.routes[0].nextHop.lmtp', 'exactly one of host, path'],
  [
    'lmtp to two places',
    hop('lmtp: {host: a, path: /b}'),
    'spec.routes[0].nextHop.lmtp',
    'exactly one of host, path',
  ],
  ['a port of a socket', hop('lmtp: {path: /b, port: 24}'), 'spec.routes[0].nextHop.lmtp.port', 'host'],
  [
    'an error that is temporary',
    hop('error: {code: 4.1.1, text: x}'),
    'spec.routes[0].nextHop.error.code',
    '5.x.x',
  ],
  [
    'a retry that is final',
    hop('retry: {code: 5.1.1, text: x}'),
    'spec.routes[0].nextHop.retry.code',
    '4.x.x',
  ],
  ['a text of two lines', hop('error: {text: "a\\r\\nb"}'), 'spec.routes[0].nextHop.error.text', 'one line'],
  ['an alias to nobody', aliases('{localPart: a, to: []}'), 'spec.entries[0].to', '>=1'],
  [
    'an alias twice in a map',
    aliases('{localPart: a, to: [b@c.test]}, {localPart: a, to: [d@c.test]}'),
    'spec.entries',
    'same localPart',
  ],
  [
    'a Secret that is not base64',
    '{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {password: "a b!"}}',
    'data.password',
    'base64',
  ],
];

describe('the manifest reader', () => {
  it.each(good)('takes %s', (_name, text) => {
    expect(describeProblems(parseYaml(text).problems)).toEqual([]);
  });

  it.each(bad)('refuses %s and names the field', (_name, text, field, reason) => {
    const { objects, problems } = parseYaml(text);

    const [first] = describeProblems(problems);
    expect(objects).toEqual([]);
    expect(first?.slice(0, first.indexOf(': '))).toBe(field);
    expect(first).toContain(reason);
  });

  it('says of every unknown field that it is unknown', () => {
    const { problems } = parseYaml(domain('class: Mailbox, a: 1, b: 2'));

    expect(describeProblems(problems)).toEqual([
      'spec.a: unknown field (Invalid)',
      'spec.b: unknown field (Invalid)',
    ]);
  });

  it('refuses the same object twice', () => {
    const { objects, problems } = parseYaml(`${domain('class: Mailbox')}\n---\n${domain('class: Mailbox')}`);

    expect(objects).toHaveLength(1);
    expect(problems[0]?.reason).toBe('Duplicate');
    expect(problems[0]?.source).toEqual({ path: 'test.yaml', position: 1 });
  });

  it('leaves documents of others alone, with a warning', () => {
    const { problems } = parseYaml('{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}');

    expect(problems.map((each) => each.severity)).toEqual(['warning']);
  });

  it('reads Secrets from data and stringData, the latter winning', () => {
    const { objects } = parseYaml(
      '{apiVersion: v1, kind: Secret, type: Opaque, metadata: {name: s}, data: {a: YWxpY2U=, b: YQ==}, stringData: {b: c}}',
    );

    expect(objects[0]).toMatchObject({ kind: 'Secret', values: { a: 'alice', b: 'c' } });
  });

  it.each(kinds.map((kind) => [kind.kind, kind.example]))('takes the example of %s', (_kind, example) => {
    expect(describeProblems(parseYaml(example).problems)).toEqual([]);
  });
});
