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
import type { ConfigSnapshot } from './resolution.ts';

const everything =
  platformYaml() +
  domainYaml('a.test', 'class: Mailbox, recipientDelimiters: "+-"') +
  mailboxYaml('alice@a.test', 'aliases: [a.smith]') +
  mailboxYaml('off@a.test', 'state: Disabled') +
  mailboxYaml('robot@a.test', 'state: SendOnly, aliases: [bot]') +
  mailboxYaml('inbox@a.test', 'state: ReceiveOnly') +
  mailboxYaml('gone@a.test', 'delivery: {error: {code: 5.1.6, text: moved away}}') +
  mailboxYaml('later@a.test', 'delivery: {retry: {code: 4.7.1, text: not today}}') +
  mailboxYaml('sends-on@a.test', 'forwarding: {to: [x@foreign.test]}, delivery: {error: {text: no}}') +
  aliasesYaml('a.test', {
    postmaster: ['alice@a.test'],
    team: ['alice@a.test'],
    'owner-team': ['alice@a.test'],
  }) +
  domainYaml('catch.test', 'class: Mailbox, catchAll: alice@a.test') +
  domainYaml('bare.test') +
  domainYaml('alias.test', 'class: Alias, aliasOf: a.test') +
  domainYaml('open.test', 'class: Relay, recipients: {mode: AcceptAll}') +
  domainYaml(
    'list.test',
    'class: Relay, recipients: {mode: List, list: [carol, a+b], patterns: ["^team-", "x$"]}',
  ) +
  objectYaml('Mailbox', 'dave', 'domain: list.test, localPart: dave') +
  objectYaml('AliasMap', 'list', 'domain: list.test, entries: [{localPart: crew, to: [dave@list.test]}]') +
  domainYaml(
    'closed.test',
    'class: Relay, recipients: {mode: AcceptAll}, delivery: {error: {text: closed}}',
  ) +
  domainYaml('xn--bcher-kva.test', 'class: Relay, recipients: {mode: AcceptAll}') +
  routesYaml('t', [
    ['domains: [dead.test]', 'error: {code: 5.4.4, text: no such host}'],
    ['senders: ["*@banned.test"]', 'error: {text: not from you}'],
  ]);

const verdicts: readonly (readonly [string, string])[] = [
  ['alice@a.test', 'ours'],
  ['ALICE@A.Test', 'ours'],
  ['alice@a.test.', 'ours'],
  ['"alice"@a.test', 'ours'],
  ['"al\\ice"@a.test', 'ours'],
  ['alice+news@a.test', 'ours'],
  ['alice-news@a.test', 'ours'],
  ['alice+@a.test', 'ours'],
  ['+alice@a.test', 'unknown-user'],
  ['a.smith@a.test', 'ours'],
  ['a.smith+x@a.test', 'ours'],
  ['team@a.test', 'ours'],
  ['owner-team@a.test', 'ours'],
  ['owner-nobody@a.test', 'unknown-user'],
  ['nobody@a.test', 'unknown-user'],
  ['nobody+alice@a.test', 'unknown-user'],
  ['"alice@b.test"@a.test', 'unknown-user'],
  ['inbox@a.test', 'ours'],
  ['off@a.test', 'disabled'],
  ['robot@a.test', 'disabled'],
  ['bot@a.test', 'disabled'],
  ['gone@a.test', 'refused'],
  ['later@a.test', 'refused'],
  ['sends-on@a.test', 'ours'],
  ['anybody@catch.test', 'ours'],
  ['postmaster', 'ours'],
  ['Postmaster', 'ours'],
  ['postmaster@mail.example.test', 'ours'],
  ['mailer-daemon@mail.example.test', 'ours'],
  ['other@mail.example.test', 'unknown-user'],
  ['alice', 'unknown-user'],
  ['postmaster@bare.test', 'ours'],
  ['nobody@bare.test', 'unknown-user'],
  ['alice@alias.test', 'ours'],
  ['nobody@alias.test', 'unknown-user'],
  ['off@alias.test', 'disabled'],
  ['whoever@open.test', 'ours'],
  ['user%far.test@open.test', 'not-ours'],
  ['"user@far.test"@open.test', 'not-ours'],
  ['far.test!user@open.test', 'not-ours'],
  ['carol@list.test', 'ours'],
  ['Carol+x@list.test', 'ours'],
  ['a+b@list.test', 'ours'],
  ['a@list.test', 'unknown-user'],
  ['team-one@list.test', 'ours'],
  ['TEAM-ONE@list.test', 'ours'],
  ['steam-one@list.test', 'unknown-user'],
  ['max@list.test', 'ours'],
  ['max+team@list.test', 'ours'],
  ['eve+x@list.test', 'unknown-user'],
  ['dave@list.test', 'ours'],
  ['crew@list.test', 'ours'],
  ['postmaster@list.test', 'unknown-user'],
  ['whoever@closed.test', 'refused'],
  ['user@bücher.test', 'ours'],
  ['user@BÜCHER.test', 'ours'],
  ['user@xn--bcher-kva.test', 'ours'],
  ['user@sub.a.test', 'not-ours'],
  ['user@foreign.test', 'not-ours'],
  ['user@dead.test', 'refused'],
  ['user@[127.0.0.1]', 'not-ours'],
  ['@a.test', 'unknown-user'],
  ['', 'unknown-user'],
  ['__proto__@a.test', 'unknown-user'],
  ['constructor@a.test', 'unknown-user'],
];

const snapshot: ConfigSnapshot = snapshotOf(everything);

describe('the verdict on a recipient', () => {
  it.each(verdicts)('of %s is %s', (address, verdict) => {
    expect(snapshot.verifyRecipient(address).verdict).toBe(verdict);
  });

  it('carries code and text of the route that refuses, and whether the domain is ours', () => {
    expect(snapshot.verifyRecipient('gone@a.test')).toEqual({
      verdict: 'refused',
      domain: 'a.test',
      code: '5.1.6',
      text: 'moved away',
    });
    expect(snapshot.verifyRecipient('user@dead.test')).toEqual({
      verdict: 'refused',
      domain: undefined,
      code: '5.4.4',
      text: 'no such host',
    });
  });

  it('depends on the sender where a sender route refuses', () => {
    expect(snapshot.verifyRecipient('user@foreign.test', 'x@banned.test').verdict).toBe('refused');
    expect(snapshot.verifyRecipient('user@foreign.test', 'x@fine.test').verdict).toBe('not-ours');
    expect(snapshot.verifyRecipient('alice@a.test', 'x@banned.test').verdict).toBe('ours');
  });

  it('names the domain that was asked for, behind an Alias domain too', () => {
    expect(snapshot.verifyRecipient('alice@alias.test')).toEqual({ verdict: 'ours', domain: 'alias.test' });
  });

  it('refuses postmaster when nobody has it', () => {
    const lonely = snapshotOf(platformYaml() + domainYaml('a.test'));

    expect(lonely.verifyRecipient('postmaster').verdict).toBe('unknown-user');
    expect(lonely.verifyRecipient('postmaster@a.test').verdict).toBe('unknown-user');
  });

  it.each(verdicts.filter(([, verdict]) => verdict === 'ours' || verdict === 'disabled'))(
    'on %s (%s) agrees with the resolver',
    (address, verdict) => {
      const [first] = snapshot.resolve(address, '').finals;

      const code = first?.nextHop.transport === 'error' ? first.nextHop.code : '';
      expect(code).toBe(verdict === 'disabled' ? '5.2.1' : '');
    },
  );
});

describe('logins', () => {
  const hash = '{BLF-CRYPT}$2y$05$abc';
  const withLogins = (state: string): ConfigSnapshot =>
    snapshotOf(
      `${platformYaml()}${domainYaml('a.test')}${mailboxYaml('x@a.test', `passwordSecretRef: {name: s}, aliases: [y], state: ${state}`)}${mailboxYaml('z@a.test')}
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {passwordHash: "${hash}"}
`,
    );

  it.each([
    ['Enabled', true],
    ['SendOnly', true],
    ['ReceiveOnly', false],
    ['Disabled', false],
  ])('state %s may log in: %s', (state, isEnabled) => {
    expect(withLogins(state).login('x@a.test')).toEqual({ login: 'x@a.test', passwordHash: hash, isEnabled });
  });

  it.each(['y@a.test', 'x+e@a.test', 'x', 'z@a.test', 'x@b.test', ''])('%s is no login', (login) => {
    expect(withLogins('Enabled').login(login)).toBeUndefined();
  });
});
