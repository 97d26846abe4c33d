import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aliasesYaml,
  domainYaml,
  mailboxYaml,
  objectYaml,
  platformYaml,
  routesYaml,
  snapshotOf,
} from '../test/compile-yaml.ts';
import { explain, formatExplanation, formatNextHop } from './explain.ts';
import type { ConfigSnapshot } from './resolution.ts';

const base = platformYaml() + domainYaml('a.test');

/** `address -> next hop` of every final. */
function finals(snapshot: ConfigSnapshot, recipient: string, sender = ''): string[] {
  return snapshot
    .resolve(recipient, sender)
    .finals.map((each) => `${each.address} -> ${formatNextHop(each.nextHop)}`);
}

describe('expansion', () => {
  const snapshot = snapshotOf(
    platformYaml() +
      domainYaml('a.test') +
      mailboxYaml('alice@a.test', 'aliases: [a.smith]') +
      mailboxYaml('bob@a.test', 'forwarding: {to: [bob@far.test]}') +
      mailboxYaml('carol@a.test', 'forwarding: {to: [carol@far.test, alice@a.test], keepCopy: true}') +
      mailboxYaml('ping@a.test', 'forwarding: {to: [pong@a.test]}') +
      mailboxYaml('pong@a.test', 'forwarding: {to: [ping@a.test]}') +
      mailboxYaml('self@a.test', 'forwarding: {to: [self@a.test, x@far.test]}') +
      mailboxYaml('off@a.test', 'state: Disabled') +
      aliasesYaml('a.test', {
        postmaster: ['alice@a.test'],
        team: ['alice@a.test', 'bob@a.test', 'x@far.test'],
        all: ['team@a.test', 'alice@a.test', 'off@a.test'],
        'team+lead': ['alice@a.test'],
        loop1: ['loop2@a.test'],
        loop2: ['loop1@a.test'],
        half: ['half@a.test', 'alice@a.test'],
        missing: ['nobody@a.test'],
        grow: ['grow+x@a.test'],
      }) +
      domainYaml('catch.test', 'class: Mailbox, catchAll: alice@a.test') +
      domainYaml('bare.test') +
      domainYaml('alias.test', 'class: Alias, aliasOf: a.test') +
      domainYaml('relay.test', 'class: Relay, recipients: {mode: AcceptAll}'),
  );

  const unknown = 'error:5.1.1 there is no such recipient here';
  const circle = 'error:5.4.6 the alias leads back to itself and to nobody else';
  it.each<readonly [string, readonly string[]]>([
    ['alice@a.test', ['alice@a.test -> mailbox:a.test']],
    ['Alice@A.TEST', ['Alice@A.TEST -> mailbox:a.test']],
    ['"alice"@a.test', ['"alice"@a.test -> mailbox:a.test']],
    ['alice+x@a.test', ['alice+x@a.test -> mailbox:a.test']],
    ['a.smith@a.test', ['alice@a.test -> mailbox:a.test']],
    ['a.smith+x@a.test', ['alice+x@a.test -> mailbox:a.test']],
    ['bob@a.test', ['bob@far.test -> smtp:far.test']],
    ['bob+x@a.test', ['bob@far.test -> smtp:far.test']],
    [
      'carol@a.test',
      ['carol@a.test -> mailbox:a.test', 'carol@far.test -> smtp:far.test', 'alice@a.test -> mailbox:a.test'],
    ],
    [
      'team@a.test',
      ['alice@a.test -> mailbox:a.test', 'bob@far.test -> smtp:far.test', 'x@far.test -> smtp:far.test'],
    ],
    [
      'team+y@a.test',
      ['alice+y@a.test -> mailbox:a.test', 'bob@far.test -> smtp:far.test', 'x+y@far.test -> smtp:far.test'],
    ],
    ['team+lead@a.test', ['alice@a.test -> mailbox:a.test']],
    [
      'all@a.test',
      [
        'alice@a.test -> mailbox:a.test',
        'bob@far.test -> smtp:far.test',
        'x@far.test -> smtp:far.test',
        'off@a.test -> error:5.2.1 the mailbox is disabled',
      ],
    ],
    ['loop1@a.test', [`loop1@a.test -> ${circle}`]],
    ['half@a.test', ['alice@a.test -> mailbox:a.test']],
    ['ping@a.test', ['ping@a.test -> mailbox:a.test']],
    ['self@a.test', ['self@a.test -> mailbox:a.test', 'x@far.test -> smtp:far.test']],
    ['self+x@a.test', ['self+x@a.test -> mailbox:a.test', 'x@far.test -> smtp:far.test']],
    ['missing@a.test', [`nobody@a.test -> ${unknown}`]],
    ['nobody@a.test', [`nobody@a.test -> ${unknown}`]],
    [
      'grow@a.test',
      ['grow@a.test -> retry:4.6.0 the address expands to more than 1000 recipients or too many steps'],
    ],
    ['whoever+x@catch.test', ['alice@a.test -> mailbox:a.test']],
    ['postmaster', ['alice@a.test -> mailbox:a.test']],
    ['postmaster@bare.test', ['alice@a.test -> mailbox:a.test']],
    ['alice+x@alias.test', ['alice+x@a.test -> mailbox:a.test']],
    ['nobody@alias.test', [`nobody@a.test -> ${unknown}`]],
    ['User+x@Relay.test', ['User+x@Relay.test -> smtp:relay.test']],
    ['user@far.test.', ['user@far.test -> smtp:far.test']],
    ['user@bücher.test', ['user@bücher.test -> smtp:xn--bcher-kva.test']],
    ['user@[192.0.2.1]', ['user@[192.0.2.1] -> smtp:[192.0.2.1]:25']],
    ['user@[IPv6:2001:db8::1]', ['user@[IPv6:2001:db8::1] -> smtp:[2001:db8::1]:25']],
    ['user', [`user@mail.example.test -> ${unknown}`]],
    ['MAILER-DAEMON@mail.example.test', ['alice@a.test -> mailbox:a.test']],
  ])('of %s', (recipient, expected) => {
    expect(finals(snapshot, recipient)).toEqual(expected);
  });

  it('follows Mailbox aliases, extensions and Alias domains to the Mailbox that stores', () => {
    const addresses = ['alice+x@a.test', 'A.Smith@a.test', 'alice@alias.test', 'team@a.test', 'x@far.test'];

    expect(addresses.map((address) => snapshot.mailbox(address)?.address)).toEqual([
      'alice@a.test',
      'alice@a.test',
      'alice@a.test',
      undefined,
      undefined,
    ]);
  });

  it('stops at 1000 finals and keeps the mail', () => {
    const many = (count: number): ConfigSnapshot =>
      snapshotOf(
        base +
          aliasesYaml('a.test', {
            one: Array.from({ length: count - 1 }, (_, index) => `u${index}@far.test`),
            list: ['one@a.test', 'last@far.test'],
          }),
      );

    expect(finals(many(1000), 'list@a.test')).toHaveLength(1000);
    expect(finals(many(1001), 'list@a.test')).toEqual([
      'list@a.test -> retry:4.6.0 the address expands to more than 1000 recipients or too many steps',
    ]);
  });

  it('says whose the final is, so that suspend works', () => {
    const domains = snapshot.resolve('team@a.test', '').finals.map((each) => each.mailDomain);

    expect(domains).toEqual(['a.test', undefined, undefined]);
  });
});

describe('the precedence of routes', () => {
  /** From most to least specific; each adds its own rule. The recipient is u+x@s.p.test, the sender s+e@from.test. */
  const levels: readonly (readonly [string, string])[] = [
    ['recipients: [u+x@s.p.test]', 'recipient'],
    ['recipients: [u@s.p.test]', 'recipient without extension'],
    ['', 'Mailbox.delivery'],
    ['domains: [s.p.test]', 'domain'],
    ['domains: ["*.p.test"]', 'longest parent'],
    ['domains: ["*.test"]', 'parent'],
    ['', 'MailDomain.delivery'],
    ['senders: [s+e@from.test]', 'sender'],
    ['senders: ["*@from.test"]', 'sender domain'],
    ['default: true', 'default'],
  ];

  function withLevels(first: number): ConfigSnapshot {
    const hop = (index: number): string => `error: {text: level ${index}}`;
    const routes = levels
      .map(([match], index) => [match, index] as const)
      .filter(([match, index]) => match !== '' && index >= first)
      .map(([match, index]) => [match, hop(index)] as const);
    const delivery = (index: number): string => (index >= first ? `, delivery: {${hop(index)}}` : '');
    return snapshotOf(
      platformYaml() +
        domainYaml('s.p.test', `class: Relay, recipients: {mode: AcceptAll}${delivery(6)}`) +
        objectYaml('Mailbox', 'u', `domain: s.p.test, localPart: u${delivery(2)}`) +
        (routes.length === 0 ? '' : routesYaml('t', routes)),
    );
  }

  it.each(levels.map(([, name], index) => [index, name] as const))('level %i: %s', (index) => {
    const [final] = finals(withLevels(index), 'u+x@s.p.test', 's+e@from.test');

    expect(final).toBe(`u+x@s.p.test -> error:5.1.0 level ${index}`);
  });

  it('ends with the MX of the domain', () => {
    expect(finals(withLevels(levels.length), 'u+x@s.p.test', 's+e@from.test')).toEqual([
      'u+x@s.p.test -> smtp:s.p.test',
    ]);
  });

  it('matches *.parent below parent, not parent itself', () => {
    const snapshot = snapshotOf(platformYaml() + routesYaml('t', [['domains: ["*.p.test"]', 'discard: {}']]));

    expect(finals(snapshot, 'u@p.test')).toEqual(['u@p.test -> smtp:p.test']);
    expect(finals(snapshot, 'u@a.b.p.test')).toEqual(['u@a.b.p.test -> discard:']);
    expect(finals(snapshot, 'u@xp.test')).toEqual(['u@xp.test -> smtp:xp.test']);
  });

  it('takes mail for the host name elsewhere when a route says so', () => {
    const snapshot = snapshotOf(
      platformYaml() + routesYaml('t', [['domains: [mail.example.test]', 'smtp: {mx: inner.test}']]),
    );

    expect(finals(snapshot, 'u@mail.example.test')).toEqual(['u@mail.example.test -> smtp:inner.test']);
    expect(snapshot.verifyRecipient('u@mail.example.test').verdict).toBe('not-ours');
  });

  it('has no sender routes for the null reverse-path', () => {
    const snapshot = snapshotOf(
      platformYaml(', origin: from.test') + routesYaml('t', [['senders: ["*@from.test"]', 'discard: {}']]),
    );

    expect(finals(snapshot, 'u@far.test', '')).toEqual(['u@far.test -> smtp:far.test']);
    expect(finals(snapshot, 'u@far.test', 'X@From.test')).toEqual(['u@far.test -> discard:']);
  });

  it('of equal matches takes the older object', () => {
    const snapshot = snapshotOf(
      platformYaml() +
        routesYaml('zebra', [['domains: [p.test]', 'smtp: {mx: first.test}']]) +
        routesYaml('ant', [['domains: [p.test]', 'smtp: {mx: second.test}']]),
    );

    expect(finals(snapshot, 'u@p.test')).toEqual(['u@p.test -> smtp:first.test']);
  });

  it('lets a TransportMap of another namespace speak for its own domains only', () => {
    const snapshot = snapshotOf(
      platformYaml() +
        domainYaml('home.test', 'class: Relay, recipients: {mode: AcceptAll}') +
        domainYaml('guest.test', 'class: Relay, recipients: {mode: AcceptAll}', 'guests') +
        routesYaml('t', [['default: true', 'smtp: {mx: guests-relay.test}']], 'guests'),
    );

    expect(finals(snapshot, 'u@guest.test', '')).toEqual(['u@guest.test -> smtp:guests-relay.test']);
    expect(finals(snapshot, 'u@far.test', 'u@guest.test')).toEqual(['u@far.test -> smtp:guests-relay.test']);
    expect(finals(snapshot, 'u@home.test', '')).toEqual(['u@home.test -> smtp:home.test']);
    expect(finals(snapshot, 'u@far.test', 'u@home.test')).toEqual(['u@far.test -> smtp:far.test']);
  });

  it('returns mail that a route sends into a Mailbox that is not there', () => {
    const snapshot = snapshotOf(platformYaml() + routesYaml('t', [['domains: [far.test]', 'mailbox: {}']]));

    expect(finals(snapshot, 'u@far.test')).toEqual([
      'u@far.test -> error:5.1.1 there is no Mailbox of that name to deliver into',
    ]);
  });

  it("takes the next hop's own TLS policy, else the platform's", () => {
    const snapshot = snapshotOf(
      platformYaml(', delivery: {tls: {mode: Encrypt}}') +
        routesYaml('t', [['domains: [p.test]', 'smtp: {tls: {mode: None}}']]),
    );

    const [own] = snapshot.resolve('u@p.test', '').finals;
    const [platform] = snapshot.resolve('u@q.test', '').finals;
    expect([own?.tls, own?.nextHop]).toEqual([
      { mode: 'None' },
      { transport: 'smtp', mx: 'p.test', tls: { mode: 'None' } },
    ]);
    expect([platform?.tls, platform?.nextHop]).toEqual([
      { mode: 'Encrypt' },
      { transport: 'smtp', mx: 'q.test' },
    ]);
  });

  it('delivers to the LMTP server that a domain or Mailbox names', () => {
    const snapshot = snapshotOf(
      platformYaml() +
        domainYaml('l.test', 'class: Mailbox, delivery: {lmtp: {path: /run/lmtp}}') +
        mailboxYaml('u@l.test') +
        mailboxYaml('v@l.test', 'delivery: {lmtp: {host: dovecot}}'),
    );

    expect([...finals(snapshot, 'u@l.test'), ...finals(snapshot, 'v@l.test')]).toEqual([
      'u@l.test -> lmtp:unix:/run/lmtp',
      'v@l.test -> lmtp:dovecot:24',
    ]);
  });
});

describe('properties of the resolver', () => {
  const local = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'a+x', 'b+y', 'postmaster');
  const domain = fc.constantFrom('m.test', 'c.test', 'r.test', 'al.test', 'far.test', 'sub.far.test');
  const address = fc.tuple(local, domain).map(([left, right]) => `${left}@${right}`);
  const targets = fc.uniqueArray(address, { minLength: 1, maxLength: 4 });
  /** a to c are Mailboxes of m.test with forwarding, d to f aliases; anything may lead anywhere. */
  const configuration = fc
    .record({
      forwarding: fc.array(fc.option(targets), { minLength: 3, maxLength: 3 }),
      keepCopy: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      aliases: fc.array(targets, { minLength: 3, maxLength: 3 }),
      catchAll: address,
    })
    .map(({ forwarding, keepCopy, aliases, catchAll }) => {
      const mailboxes = ['a', 'b', 'c'].map((name, index) => {
        const to = forwarding[index];
        const spec = to ? `forwarding: {to: ${JSON.stringify(to)}, keepCopy: ${keepCopy[index]}}` : '';
        return mailboxYaml(`${name}@m.test`, spec);
      });
      const entries = Object.fromEntries(['d', 'e', 'f'].map((name, index) => [name, aliases[index] ?? []]));
      return (
        platformYaml() +
        domainYaml('m.test') +
        mailboxes.join('') +
        aliasesYaml('m.test', entries) +
        domainYaml('c.test', `class: Mailbox, catchAll: ${catchAll}`) +
        domainYaml('r.test', 'class: Relay, recipients: {mode: List, list: [a, b]}') +
        domainYaml('al.test', 'class: Alias, aliasOf: m.test') +
        routesYaml('t', [
          ['domains: ["*.far.test"]', 'discard: {}'],
          ['senders: ["*@m.test"]', 'smtp: {mx: relay.test}'],
        ])
      );
    });

  it('ends, gives 1 to 1000 different finals, and gives them again', () => {
    fc.assert(
      fc.property(configuration, address, address, (text, recipient, sender) => {
        const snapshot = snapshotOf(text);
        const first = snapshot.resolve(recipient, sender);
        const keys = first.finals.map((each) => each.address.toLowerCase());
        expect(keys.length).toBeGreaterThanOrEqual(1);
        expect(keys.length).toBeLessThanOrEqual(1000);
        expect(new Set(keys).size).toBe(keys.length);
        expect(snapshotOf(text).resolve(recipient, sender)).toEqual(first);
      }),
      { numRuns: 60 },
    );
  });

  it('never fails, whatever stands in an address', () => {
    const snapshot = snapshotOf(base + mailboxYaml('alice@a.test'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }).map((text) => `${text}@a.test`),
        ),
        (text) => {
          expect(snapshot.resolve(text, text).finals.length).toBeGreaterThan(0);
          expect(snapshot.verifyRecipient(text, text).verdict).toBeTypeOf('string');
        },
      ),
      { numRuns: 300 },
    );
  });

  it('prints in explain the very route that resolve takes, for 200 addresses and senders', () => {
    const [text = ''] = fc.sample(configuration, { numRuns: 1, seed: 5 });
    const snapshot = snapshotOf(text);
    const pairs = fc.sample(fc.tuple(address, fc.oneof(address, fc.constant(''))), { numRuns: 200, seed: 7 });
    for (const [recipient, sender] of pairs) {
      const printed = formatExplanation(explain(snapshot, recipient, sender))
        .split('\n')
        .filter((line) => line.startsWith('  goes to   '))
        .map((line) => line.slice('  goes to   '.length).replace(/ \(TLS .*\)$/, ''));

      expect(printed).toEqual(finals(snapshot, recipient, sender));
    }
    expect(pairs).toHaveLength(200);
  });
});
