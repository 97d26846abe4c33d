/** TLS and login towards next hops, decided. */
import type { NextHopTls } from '@railpost/contracts';
import { describe, expect, it } from 'vitest';
import { decidePolicy } from './policy.ts';
import type { SmtpHop } from './targets.ts';
import { TlsContexts, decideTlsPolicy } from './tls-policy.ts';

const hosts = [{ host: 'relay.test', port: 587 }];
const timeouts = { connectMs: 1, commandMs: 1, dataInitMs: 1, dataBlockMs: 1, dataDoneMs: 1 };

describe('decideTlsPolicy', () => {
  it.each([
    ['the platform speaks when the hop does not', { transport: 'smtp', hosts }, 'May', 'May'],
    ['the hop speaks first', { transport: 'smtp', hosts, tls: { mode: 'None' } }, 'Verify', 'None'],
    [
      'a login raises None',
      { transport: 'smtp', hosts, tls: { mode: 'None' }, credentialsSecret: 'x/y' },
      'May',
      'Encrypt',
    ],
    ['a login raises May', { transport: 'smtp', hosts, credentialsSecret: 'x/y' }, 'May', 'Encrypt'],
    [
      'a login lets Verify be',
      { transport: 'smtp', hosts, tls: { mode: 'Verify' }, credentialsSecret: 'x/y' },
      'May',
      'Verify',
    ],
    ['LMTP stays in the clear', { transport: 'lmtp', host: 'relay.test', port: 24 }, 'Encrypt', 'None'],
  ] as readonly (readonly [string, SmtpHop, NextHopTls['mode'], string])[])(
    '%s',
    (_, hop, platform, mode) => {
      expect(decideTlsPolicy(hop, { mode: platform }).mode).toBe(mode);
    },
  );
});

describe('decidePolicy', () => {
  const secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'default/login': { username: 'relay', password: 'secret' },
    'default/half': { username: 'relay' },
    'default/noca': { 'ca.crt': 'not a certificate' },
  };
  const decide = (hop: SmtpHop) =>
    decidePolicy(hop, 'smtp:[relay.test]:587', {
      platform: {
        hostname: 'mail.own.test',
        delivery: { ehlo: 'out.own.test', timeouts, tls: { mode: 'May' } },
      },
      contexts: new TlsContexts(),
      unseal: (key) => secrets[key],
    });

  it('opens the Secret with name and password', () => {
    expect(decide({ transport: 'smtp', hosts, credentialsSecret: 'default/login' })).toMatchObject({
      kind: 'policy',
      policy: {
        ehlo: 'out.own.test',
        ownNames: ['mail.own.test', 'out.own.test'],
        destination: '[relay.test]:587',
        tls: { mode: 'Encrypt' },
        credentials: { username: 'relay', password: 'secret' },
      },
    });
  });

  it.each([
    ['missing', { transport: 'smtp', hosts, credentialsSecret: 'default/none' }, 'default/none'],
    ['without password', { transport: 'smtp', hosts, credentialsSecret: 'default/half' }, 'default/half'],
    [
      'no CA',
      { transport: 'smtp', hosts, tls: { mode: 'Verify', caSecret: 'default/noca' } },
      'default/noca',
    ],
  ] as readonly (readonly [string, SmtpHop, string])[])('defers when a Secret is %s', (_, hop, secret) => {
    expect(decide(hop)).toMatchObject({ kind: 'unusable-secret', secret, status: { code: '4.3.5' } });
  });

  it('lets sessions of different logins or modes never be mixed up', () => {
    const hops: SmtpHop[] = [
      { transport: 'smtp', hosts },
      { transport: 'smtp', hosts, tls: { mode: 'None' } },
      { transport: 'smtp', hosts, tls: { mode: 'Encrypt' } },
      { transport: 'smtp', hosts, tls: { mode: 'Encrypt' }, credentialsSecret: 'default/login' },
      { transport: 'lmtp', host: 'relay.test', port: 587 },
    ];
    const keys = hops.map((hop) => {
      const decision = decide(hop);
      return decision.kind === 'policy' ? decision.key : '';
    });

    expect(new Set(keys).size).toBe(hops.length);
  });
});
