import { decodeUtf8 } from '@railpost/mail';
import { describe, expect, it } from 'vitest';
import {
  aliasesYaml,
  compileYaml,
  describe as describeProblems,
  documentsOf,
  domainYaml,
  mailboxYaml,
  objectYaml,
  parseYaml,
  platformYaml,
  routesYaml,
  secretYaml,
  sha256,
  testCrypto,
} from '../test/compile-yaml.ts';
import { compile } from './compile.ts';
import { parseManifests } from './manifests.ts';
import { createSnapshot, missingUnits, parsedUnits } from './snapshot.ts';
import { unitLimitBytes } from './unit.ts';

const base = platformYaml() + domainYaml('a.test');
const pem = { 'tls.crt': '-----BEGIN CERTIFICATE-----\n', 'tls.key': '-----BEGIN PRIVATE KEY-----\n' };

describe('the compiler', () => {
  it('makes the same bytes of the same objects in any order', () => {
    const text = base + mailboxYaml('x@a.test') + aliasesYaml('a.test', { y: ['x@a.test'] });
    const { objects } = parseYaml(text);

    const forward = compile({ objects, crypto: testCrypto() });
    const backward = compile({ objects: [...objects].reverse(), crypto: testCrypto() });

    expect([...backward.units].map(([key, bytes]) => [key, decodeUtf8(bytes)])).toEqual(
      [...forward.units].map(([key, bytes]) => [key, decodeUtf8(bytes)]),
    );
  });

  it('names every unit in the root with its hash', () => {
    const { units, root } = compileYaml(base);

    expect(Object.keys(root?.units ?? {})).toEqual(['platform', 'routes', 'unit.a_002etest']);
    expect(missingUnits(units, sha256)).toEqual([]);
    const torn = new Map(units).set('routes', new Uint8Array(3));
    torn.delete('platform');
    expect(missingUnits(torn, sha256)).toEqual(['platform', 'routes']);
  });

  it('counts the revision on when something changed, and only then', () => {
    const first = compileYaml(base);
    const same = compileYaml(base, { previous: first.units });
    const other = compileYaml(base + mailboxYaml('x@a.test'), { previous: same.units });

    expect([first.root?.revision, same.root?.revision, other.root?.revision]).toEqual([1, 1, 2]);
    expect(same.root?.hash).toBe(first.root?.hash);
    expect(other.root?.hash).not.toBe(first.root?.hash);
  });

  it('makes no units without a platform and says so of every object', () => {
    const { units, problems } = compileYaml(domainYaml('a.test') + mailboxYaml('x@a.test'));

    expect(units.size).toBe(0);
    expect(describeProblems(problems)).toEqual([
      'spec.platformRef.name: there is no MailPlatform main (PlatformNotFound)',
      'spec.platformRef.name: there is no MailPlatform main (PlatformNotFound)',
    ]);
  });

  it('fills in what a listener does not say from the platform', () => {
    const { units } = compileYaml(`
apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec:
  hostname: mail.a.test
  listeners:
  - {name: mx, port: 25, role: MX, limits: {recipients: 200}, timeouts: {idle: 6s}, ehloKeywords: {withhold: [CHUNKING]}}
  limits: {messageSize: 30Mi, errors: 5}
  queue: {backoff: {minimum: 2s}, lifetime: 2d}
`);
    const { platform } = createSnapshot(units);

    expect(platform.listeners[0]).toEqual({
      name: 'mx',
      port: 25,
      role: 'MX',
      tls: { mode: 'StartTLS', certificates: [], minimumVersion: 'TLSv1.2' },
      limits: {
        messageSizeBytes: 31_457_280,
        recipients: 200,
        headerSizeBytes: 524_288,
        lineLengthBytes: 2048,
        errors: 5,
        connectionsPerClient: 50,
      },
      timeouts: { idleMs: 6000, messageMs: 1_800_000 },
      withheldKeywords: ['CHUNKING'],
      trustedNetworks: [],
      trustedProxies: undefined,
    });
    expect(platform.queue).toEqual({
      backoffMinimumMs: 2000,
      backoffMaximumMs: 4_000_000,
      lifetimeMs: 172_800_000,
      bounceLifetimeMs: 432_000_000,
      delayWarningMs: 0,
    });
    expect([platform.origin, platform.delivery.ehlo]).toEqual(['mail.a.test', 'mail.a.test']);
  });
});

/** Name, manifests beside the platform, problems expected. */
const conflicts: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'a domain in two namespaces',
    domainYaml('a.test') + domainYaml('a.test', 'class: Mailbox', 'other'),
    ['spec.domain: a.test belongs to MailDomain default/a.test, which is older (DomainConflict)'],
  ],
  [
    'a Mailbox whose domain is missing',
    mailboxYaml('x@b.test'),
    ['spec.domain: there is no MailDomain b.test (DomainNotFound)'],
  ],
  [
    'a Mailbox in another namespace than its domain',
    domainYaml('a.test') + mailboxYaml('x@a.test', '', 'other'),
    ['spec.domain: MailDomain a.test stands in namespace default: put the object there (DomainNotFound)'],
  ],
  [
    'a Mailbox in an Alias domain',
    domainYaml('a.test') + domainYaml('b.test', 'class: Alias, aliasOf: a.test') + mailboxYaml('x@b.test'),
    ['spec.domain: b.test is an alias of a.test: put the object there (Invalid)'],
  ],
  [
    'an alias of a domain that is not ours',
    domainYaml('b.test', 'class: Alias, aliasOf: a.test'),
    ['spec.aliasOf: there is no MailDomain a.test (DomainNotFound)'],
  ],
  [
    'an alias of an alias',
    domainYaml('a.test', 'class: Alias, aliasOf: b.test') +
      domainYaml('b.test', 'class: Alias, aliasOf: a.test'),
    [
      'spec.aliasOf: b.test is of class Alias itself: name the domain it stands for (Invalid)',
      'spec.aliasOf: a.test is of class Alias itself: name the domain it stands for (Invalid)',
    ],
  ],
  [
    'two Mailboxes of one address',
    domainYaml('a.test') +
      mailboxYaml('x@a.test') +
      objectYaml('Mailbox', 'second', 'domain: a.test, localPart: x'),
    ['spec.localPart: x@a.test belongs to Mailbox default/x.a.test, which is older (AddressConflict)'],
  ],
  [
    'an alias that is a Mailbox',
    domainYaml('a.test') +
      mailboxYaml('x@a.test') +
      aliasesYaml('a.test', { x: ['b@c.test'], y: ['x@a.test'] }),
    [
      'spec.entries[0].localPart: x@a.test belongs to Mailbox default/x.a.test, which is older (AddressConflict)',
    ],
  ],
  [
    'a Mailbox alias that an AliasMap has',
    domainYaml('a.test') +
      aliasesYaml('a.test', { y: ['b@c.test'] }) +
      mailboxYaml('x@a.test', 'aliases: [y]'),
    [
      'spec.aliases[0]: y@a.test belongs to AliasMap default/aliases-a.test, which is older (AddressConflict)',
    ],
  ],
  [
    'a platform that is not there',
    domainYaml('a.test', 'class: Mailbox, platformRef: {name: second}'),
    ['spec.platformRef.name: there is no MailPlatform second (PlatformNotFound)'],
  ],
  [
    'a Secret that is not there',
    domainYaml('a.test') + mailboxYaml('x@a.test', 'passwordSecretRef: {name: x}'),
    ['spec.passwordSecretRef.name: there is no Secret default/x (SecretNotFound)'],
  ],
  [
    'a password Secret without password',
    domainYaml('a.test') +
      mailboxYaml('x@a.test', 'passwordSecretRef: {name: x}') +
      secretYaml('x', { pass: 'x' }),
    ['spec.passwordSecretRef.name: Secret default/x has neither passwordHash nor password (SecretMalformed)'],
  ],
  [
    'a password hash of an unknown scheme',
    domainYaml('a.test') +
      mailboxYaml('x@a.test', 'passwordSecretRef: {name: x}') +
      secretYaml('x', { passwordHash: '{PLAIN}secret' }),
    [
      'spec.passwordSecretRef.name: Secret default/x passwordHash must begin with {ARGON2ID}, {SHA512-CRYPT} or {BLF-CRYPT} (SecretMalformed)',
    ],
  ],
  [
    'credentials without user name',
    routesYaml('t', [['default: true', 'smtp: {tls: {mode: Encrypt}, credentialsSecretRef: {name: s}}']]) +
      secretYaml('s', { password: 'x' }),
    [
      'spec.routes[0].nextHop.smtp.credentialsSecretRef.name: Secret default/s has no key username (SecretMalformed)',
    ],
  ],
  [
    'a CA that is not PEM',
    routesYaml('t', [['default: true', 'smtp: {tls: {mode: Verify, caSecretRef: {name: s}}}']]) +
      secretYaml('s', { 'ca.crt': 'x' }),
    [
      'spec.routes[0].nextHop.smtp.tls.caSecretRef.name: Secret default/s ca.crt is not PEM (SecretMalformed)',
    ],
  ],
  [
    'a route for a domain of another namespace',
    domainYaml('a.test') + routesYaml('t', [['domains: [a.test]', 'discard: {}']], 'other'),
    [
      'spec.routes[0].match.domains[0]: outside namespace default a TransportMap governs only MailDomains of its own namespace, one by one: a.test is none (Invalid)',
    ],
  ],
];

describe('conflicts and references', () => {
  it.each(conflicts)('finds %s', (_name, text, expected) => {
    const { problems } = compileYaml(platformYaml() + text);

    const errors = problems.filter((each) => each.severity === 'error');
    expect(describeProblems(errors)).toEqual(expected);
  });

  it('takes the file path, then the position as age', () => {
    const second = documentsOf(objectYaml('Mailbox', 'old', 'domain: a.test, localPart: x'), 'a.yaml');
    const first = documentsOf(base + mailboxYaml('x@a.test'), 'b.yaml');
    const { objects } = parseManifests([...first, ...second]);

    const { problems } = compile({ objects, crypto: testCrypto() });

    expect(problems.find((each) => each.severity === 'error')).toMatchObject({
      object: 'Mailbox default/x.a.test',
      source: { path: 'b.yaml' },
    });
  });

  it('takes creationTimestamp as age in a cluster', () => {
    const { objects } = parseYaml(
      platformYaml() +
        domainYaml('a.test', 'class: Mailbox', 'one') +
        domainYaml('a.test', 'class: Mailbox', 'two'),
    );
    const inCluster = objects.map((object) => ({
      ...object,
      source: undefined,
      createdAt: object.namespace === 'two' ? '2026-01-01T00:00:00Z' : '2026-02-01T00:00:00Z',
    }));

    const { problems } = compile({ objects: inCluster, crypto: testCrypto() });

    expect(problems.filter((each) => each.severity === 'error').map((each) => each.object)).toEqual([
      'MailDomain one/a.test',
    ]);
  });

  it('keeps in force what does not clash and writes conditions', () => {
    const { units, statuses } = compileYaml(
      base + mailboxYaml('x@a.test') + aliasesYaml('a.test', { x: ['b@c.test'], y: ['x@a.test'] }),
    );

    const status = statuses.find((each) => each.kind === 'AliasMap');
    expect(createSnapshot(units).verifyRecipient('y@a.test').verdict).toBe('ours');
    expect(status?.conditions).toEqual([
      {
        type: 'Accepted',
        status: 'False',
        reason: 'AddressConflict',
        message: 'x@a.test belongs to Mailbox default/x.a.test, which is older',
      },
      { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' },
    ]);
    expect(status?.details).toEqual({ entries: 1 });
  });

  it('lists shadowed routes and warns of them', () => {
    const { statuses, problems } = compileYaml(
      platformYaml() +
        routesYaml('t', [
          ['domains: [b.test]', 'discard: {}'],
          ['domains: [c.test, b.test]', 'smtp: {}'],
        ]),
    );

    expect(statuses.find((each) => each.kind === 'TransportMap')?.details).toEqual({
      routes: 2,
      shadowedRoutes: ['r1'],
    });
    expect(describeProblems(problems.filter((each) => each.reason === 'Shadowed'))).toEqual([
      'spec.routes[1].match.domains[1]: b.test is taken by TransportMap default/t route r0, which is older (Shadowed)',
    ]);
  });

  it('warns of Secrets that nobody names and of a missing certificate and postmaster', () => {
    const { problems } = compileYaml(base + secretYaml('lonely', { a: 'b' }));

    expect(problems.map((each) => [each.severity, each.reason])).toEqual([
      ['warning', 'NoCertificate'],
      ['warning', 'NoPostmaster'],
      ['warning', 'Unused'],
    ]);
  });
});

describe('secrets', () => {
  const withPassword = (password: string): string =>
    base + mailboxYaml('x@a.test', 'passwordSecretRef: {name: x}') + secretYaml('x', { password });

  it('takes a hash as it is', () => {
    const hash = '{SHA512-CRYPT}$6$salt$hash';
    const text =
      base +
      mailboxYaml('x@a.test', 'passwordSecretRef: {name: x}') +
      secretYaml('x', { passwordHash: hash });
    const crypto = testCrypto();

    const snapshot = createSnapshot(compileYaml(text, { crypto }).units);

    expect(snapshot.login('X@A.test')).toEqual({ login: 'x@a.test', passwordHash: hash, isEnabled: true });
    expect(crypto.hashed).toEqual([]);
  });

  it('hashes a plain password once and keeps the hash while the password stays', () => {
    const crypto = testCrypto();

    const first = compileYaml(withPassword('secret'), { crypto });
    const same = compileYaml(withPassword('secret'), { crypto, previous: first.units });
    const other = compileYaml(withPassword('changed'), { crypto, previous: same.units });

    expect(crypto.hashed).toEqual(['secret', 'changed']);
    expect(createSnapshot(same.units).login('x@a.test')?.passwordHash).toBe('{ARGON2ID}$salt1');
    expect(createSnapshot(other.units).login('x@a.test')?.passwordHash).toBe('{ARGON2ID}$salt2');
    expect(same.root).toEqual(first.root);
  });

  it('lets no secret stand readable in a unit', () => {
    const text =
      withPassword('plain-password') +
      routesYaml('t', [['default: true', 'smtp: {tls: {mode: Encrypt}, credentialsSecretRef: {name: s}}']]) +
      secretYaml('s', { username: 'relay-user', password: 'relay-password' });

    const all = [...compileYaml(text).units.values()].map(decodeUtf8).join('\n');

    expect(all).not.toMatch(/plain-password|relay-user|relay-password/);
    expect(all).toContain('default/s');
  });

  it('seals what routes and listeners name and hands it out by key', () => {
    const text =
      platformYaml(', tls: {certificates: [{secretRef: {name: cert}}]}') +
      secretYaml('cert', pem) +
      routesYaml('t', [['default: true', 'smtp: {tls: {mode: Encrypt}, credentialsSecretRef: {name: s}}']]) +
      secretYaml('s', { username: 'u', password: 'p' });
    const { units, problems } = compileYaml(text);

    const snapshot = createSnapshot(units);

    expect(problems).toEqual([]);
    expect(snapshot.platform.listeners[0]?.tls.certificates).toEqual(['default/cert']);
    expect(snapshot.secret('default/cert')).toHaveLength(32);
    expect(snapshot.secret('default/s')).toHaveLength(32);
    expect(snapshot.secret('default/none')).toBeUndefined();
    expect(snapshot.resolve('x@b.test', '').finals[0]?.nextHop).toEqual({
      transport: 'smtp',
      mx: 'b.test',
      tls: { mode: 'Encrypt' },
      credentialsSecret: 'default/s',
    });
  });
});

describe('many domains and mailboxes', () => {
  const count = { domains: 1000, mailboxesPerDomain: 10 };
  type Objects = ReturnType<typeof parseManifests>['objects'];

  /** Objects without the way through YAML: `kind`, name and spec of each after the platform. */
  function objectsOf(specs: readonly (readonly [string, string, object])[]): Objects {
    const documents = specs.map(([kind, name, spec], index) => ({
      path: 'many.yaml',
      position: index + 1,
      value: { apiVersion: 'railpost.io/v1alpha1', kind, metadata: { name }, spec },
    }));
    return parseManifests([...documentsOf(platformYaml(), 'many.yaml').slice(0, 1), ...documents]).objects;
  }

  /** 1,000 domains with 10,000 mailboxes; `edited` changes one of them. */
  function manyMailboxes(edited: boolean): Objects {
    const specs: (readonly [string, string, object])[] = [];
    for (let index = 0; index < count.domains; index += 1) {
      const domain = `d${index}.test`;
      specs.push(['MailDomain', domain, { domain, class: 'Mailbox' }]);
      for (let box = 0; box < count.mailboxesPerDomain; box += 1) {
        const isEdited = edited && index === 500 && box === 5;
        const spec = { domain, localPart: `user${box}`, ...(isEdited && { aliases: ['edited'] }) };
        specs.push(['Mailbox', `u${box}.${domain}`, spec]);
      }
    }
    return objectsOf(specs);
  }

  /** One domain with 8,000 aliases, about 800 KiB, and whatever `more` says. */
  function manyAliases(more: readonly (readonly [string, string, object])[]): Objects {
    const to = [`${'x'.repeat(30)}@${'y'.repeat(60)}.test`];
    const maps = Array.from({ length: 8 }, (_, map) => {
      const entries = Array.from({ length: 1000 }, (__, index) => ({
        localPart: `m${map}-list${index}`,
        to,
      }));
      return ['AliasMap', `m${map}`, { domain: 'a.test', entries }] as const;
    });
    return objectsOf([['MailDomain', 'a.test', { domain: 'a.test', class: 'Mailbox' }], ...maps, ...more]);
  }

  it('rewrites the unit of an edited Mailbox and the root, and a reader parses that unit only', {
    timeout: 60_000,
  }, () => {
    const crypto = testCrypto();
    const before = compile({ objects: manyMailboxes(false), crypto });
    const snapshot = createSnapshot(before.units);
    for (let domain = 0; domain < count.domains; domain += 1)
      snapshot.verifyRecipient(`user1@d${domain}.test`);

    const after = compile({ objects: manyMailboxes(true), crypto, previous: before.units });
    const changed = [...after.units]
      .filter(([key, bytes]) => decodeUtf8(bytes) !== decodeUtf8(before.units.get(key) ?? new Uint8Array(0)))
      .map(([key]) => key);
    const next = createSnapshot(after.units, snapshot);
    for (let domain = 0; domain < count.domains; domain += 1) next.verifyRecipient(`user1@d${domain}.test`);

    expect(before.problems.filter((each) => each.severity === 'error')).toEqual([]);
    expect(changed).toEqual(['unit.d500_002etest', 'root']);
    expect(parsedUnits(next)).toBe(1);
    expect(next.verifyRecipient('edited@d500.test').verdict).toBe('ours');
    expect(snapshot.verifyRecipient('edited@d500.test').verdict).toBe('unknown-user');
  });

  it('splits a unit above 512 KiB by local part, and an edit then rewrites one part', () => {
    const crypto = testCrypto();
    const before = compile({ objects: manyAliases([]), crypto });
    const mailbox = ['Mailbox', 'x', { domain: 'a.test', localPart: 'x' }] as const;
    const after = compile({ objects: manyAliases([mailbox]), crypto, previous: before.units });

    const parts = [...before.units.keys()].filter((key) => /\.p\d+$/.test(key));
    const changed = [...after.units.keys()].filter(
      (key) => key !== 'root' && after.root?.units[key] !== before.root?.units[key],
    );
    expect(parts.length).toBeGreaterThan(1);
    expect([...before.units.values()].every((bytes) => bytes.length <= unitLimitBytes)).toBe(true);
    expect(changed).toHaveLength(1);
    expect(createSnapshot(after.units).verifyRecipient('m7-list999@a.test').verdict).toBe('ours');
    expect(createSnapshot(after.units).verifyRecipient('x@a.test').verdict).toBe('ours');
    expect(createSnapshot(before.units).verifyRecipient('x@a.test').verdict).toBe('unknown-user');
  });
});
