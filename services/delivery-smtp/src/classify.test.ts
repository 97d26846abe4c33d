/** The meaning of what peers say, as tables after Postfix smtp(8). */
import { type Reply, ReplyReader } from '@railpost/mail';
import { ClientError, type ClientErrorCode, type ClientPhase } from '@railpost/smtp';
import { describe, expect, it } from 'vitest';
import {
  type Peer,
  classifyAuthentication,
  classifyError,
  classifyGreeting,
  classifyHello,
  classifyRecipient,
} from './classify.ts';

const peer: Peer = {
  site: { host: 'mx.test', text: 'mx.test[192.0.2.1]', relay: 'mx.test[192.0.2.1]:25' },
  protocol: 'smtp',
};

function reply(...lines: readonly string[]): Reply {
  const reader = new ReplyReader();
  for (const line of lines) {
    const progress = reader.push(line);
    if (typeof progress !== 'string') return progress;
  }
  throw new Error('not a whole reply');
}

describe('classifyRecipient', () => {
  it.each([
    { protocol: 'smtp', hasDsn: false, success: 'relayed' },
    { protocol: 'smtp', hasDsn: true, success: 'passed-on' },
    { protocol: 'lmtp', hasDsn: false, success: 'delivered' },
    { protocol: 'lmtp', hasDsn: true, success: 'passed-on' },
  ] as const)('takes a success over $protocol, DSN offered: $hasDsn, as $success', (given) => {
    const { protocol, hasDsn, success } = given;
    const result = { kind: 'replied', phase: 'dot', reply: reply('250 ok') } as const;

    expect(classifyRecipient(result, { ...peer, protocol, hasDsn })).toMatchObject({ success });
  });

  it.each([
    ['dot', '250 2.0.0 Ok: queued as X', 'delivered', '2.0.0', '250 2.0.0 Ok: queued as X'],
    ['dot', '250 ok', 'delivered', '2.0.0', '250 ok'],
    [
      'dot',
      '451 4.3.0 try later',
      'deferred',
      '4.3.0',
      'host mx.test[192.0.2.1] said: 451 4.3.0 try later (in reply to end of DATA command)',
    ],
    [
      'mail',
      '550 no',
      'bounced',
      '5.0.0',
      'host mx.test[192.0.2.1] said: 550 no (in reply to MAIL FROM command)',
    ],
    [
      'rcpt',
      '550 5.1.1 unknown',
      'bounced',
      '5.1.1',
      'host mx.test[192.0.2.1] said: 550 5.1.1 unknown (in reply to RCPT TO command)',
    ],
    [
      'rcpt',
      '421 4.3.2 closing',
      'deferred',
      '4.3.2',
      'host mx.test[192.0.2.1] said: 421 4.3.2 closing (in reply to RCPT TO command)',
    ],
    [
      'rcpt',
      '552 5.2.2 full',
      'bounced',
      '5.2.2',
      'host mx.test[192.0.2.1] said: 552 5.2.2 full (in reply to RCPT TO command)',
    ],
    [
      'data',
      '554 5.5.1 no',
      'bounced',
      '5.5.1',
      'host mx.test[192.0.2.1] said: 554 5.5.1 no (in reply to DATA command)',
    ],
    // A code of another class than the reply's counts for nothing.
    [
      'rcpt',
      '450 5.1.1 greylisted',
      'deferred',
      '4.0.0',
      'host mx.test[192.0.2.1] said: 450 5.1.1 greylisted (in reply to RCPT TO command)',
    ],
    // Neither yes nor no.
    [
      'data',
      '250 ok',
      'deferred',
      '4.5.0',
      'protocol error of mx.test[192.0.2.1] while sending DATA command',
    ],
    ['rcpt', '354 go on', 'deferred', '4.5.0', 'protocol error of mx.test[192.0.2.1] while sending RCPT TO'],
  ] as const)('%s answered by "%s": %s %s', (...[phase, line, disposition, code, text]) => {
    const verdict = classifyRecipient({ kind: 'replied', phase, reply: reply(line) }, peer);

    expect(verdict).toMatchObject({ disposition, status: { code, text } });
  });

  it('joins the lines of a reply, and keeps them as Diagnostic-Code', () => {
    const said = reply('550-5.7.1 first', '550 5.7.1 second');
    const verdict = classifyRecipient({ kind: 'replied', phase: 'rcpt', reply: said }, peer);

    expect(verdict.status.diagnostic).toEqual({ type: 'smtp', text: '550 5.7.1 first second' });
    expect(verdict.status.remoteMta).toBe('mx.test');
  });

  it('keeps an essay of a peer to a line', () => {
    const said = reply(`550 5.7.1 ${'x'.repeat(9000)}`);
    const verdict = classifyRecipient({ kind: 'replied', phase: 'rcpt', reply: said }, peer);

    expect(verdict.status.text.length).toBeLessThan(1200);
  });

  it('passes on why our own content could not be read', () => {
    const cause = new Error('spool');

    expect(() => classifyRecipient({ kind: 'content-failed', cause }, peer)).toThrow(cause);
  });
});

describe('classifyError', () => {
  it.each([
    ['CONNECT_FAILED', 'connect', '4.4.1', 'connect to mx.test[192.0.2.1]:25: Connection refused'],
    ['TIMEOUT', 'connect', '4.4.1', 'connect to mx.test[192.0.2.1]:25: Connection refused'],
    [
      'TIMEOUT',
      'greeting',
      '4.4.2',
      'conversation with mx.test[192.0.2.1] timed out while receiving the initial server greeting',
    ],
    [
      'CONNECTION_LOST',
      'hello',
      '4.4.2',
      'lost connection with mx.test[192.0.2.1] while performing the EHLO handshake',
    ],
    [
      'CONNECTION_LOST',
      'body',
      '4.4.2',
      'lost connection with mx.test[192.0.2.1] while sending message body',
    ],
    [
      'TIMEOUT',
      'dot',
      '4.4.2',
      'conversation with mx.test[192.0.2.1] timed out while sending end of data -- message may be sent more than once',
    ],
    ['PROTOCOL_ERROR', 'rcpt', '4.5.0', 'protocol error of mx.test[192.0.2.1] while sending RCPT TO'],
    ['TLS_FAILED', 'handshake', '4.7.5', 'Cannot start TLS: Connection refused'],
    ['PEER_UNTRUSTED', 'handshake', '4.7.5', 'Connection refused'],
  ] as readonly (readonly [ClientErrorCode, ClientPhase, string, string])[])(
    '%s in phase %s is deferred %s',
    (code, phase, status, text) => {
      const verdict = classifyError(new ClientError(code, phase, 'Connection refused'), peer);

      expect(verdict).toEqual({
        disposition: 'deferred',
        isSiteFault: true,
        status: { code: status, text },
      });
    },
  );

  it('speaks of LHLO where LHLO was said', () => {
    const verdict = classifyError(new ClientError('TIMEOUT', 'hello', ''), { ...peer, protocol: 'lmtp' });

    expect(verdict.status.text).toContain('performing the LHLO handshake');
  });
});

describe('before the transaction', () => {
  it.each([
    [
      'a 5xx greeting is never final',
      classifyGreeting(reply('554 5.7.1 go away'), peer),
      'deferred',
      '4.7.1',
    ],
    ['a 4xx greeting', classifyGreeting(reply('421 busy'), peer), 'deferred', '4.0.0'],
    ['a 5xx to HELO is final', classifyHello(reply('550 5.7.1 you?'), peer), 'bounced', '5.7.1'],
    ['a 4xx to EHLO', classifyHello(reply('450 4.7.1 later'), peer), 'deferred', '4.7.1'],
    [
      'a refused login is never final',
      classifyAuthentication(reply('535 5.7.8 no'), peer),
      'deferred',
      '4.7.8',
    ],
    ['no mechanism in common', classifyAuthentication(undefined, peer), 'deferred', '4.7.0'],
  ])('%s', (_, verdict, disposition, code) => {
    expect(verdict).toMatchObject({ disposition, isSiteFault: true, status: { code } });
  });
});
