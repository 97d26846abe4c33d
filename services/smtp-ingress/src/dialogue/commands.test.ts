/** The dialogue as a table: lines in, replies out. What Postfix 3.11 answers is recorded in e2e/scenarios/dialogues. */
import type { ListenerRole, ListenerSettings, PlatformSettings } from '@railpost/config';
import { expect, test } from 'vitest';
import { type SessionState, newSession } from '../session-state.ts';
import { reply } from '../statuses.ts';
import { dispatch } from './commands.ts';
import { secured } from './starttls.ts';
import type { DialogueFacts, Step } from './step.ts';

const limits = {
  messageSizeBytes: 1000,
  recipients: 2,
  headerSizeBytes: 500,
  lineLengthBytes: 2048,
  errors: 20,
  connectionsPerClient: 0,
};

function factsOf(role: ListenerRole, more: Partial<ListenerSettings> = {}): DialogueFacts {
  const listener: ListenerSettings = {
    name: 'test',
    port: 0,
    role,
    tls: { mode: 'StartTLS', certificates: [], minimumVersion: 'TLSv1.2' },
    limits,
    timeouts: { idleMs: 1000, messageMs: 1000 },
    withheldKeywords: [],
    trustedNetworks: [],
    trustedProxies: undefined,
    ...more,
  };
  return {
    listener,
    // Only the host name is looked at.
    platform: { hostname: 'mail.example.test' } as PlatformSettings,
    verifyRecipient(address) {
      if (address === 'alice@example.test') return { verdict: 'ours', domain: 'example.test' };
      if (address === 'gone@example.test') return { verdict: 'disabled', domain: 'example.test' };
      if (address === 'moved@example.test') {
        return { verdict: 'refused', domain: 'example.test', code: '5.1.6', text: 'has moved' };
      }
      if (address === 'later@example.test') {
        return { verdict: 'refused', domain: 'example.test', code: '4.7.1', text: 'come back' };
      }
      if (address === 'x@barred.test')
        return { verdict: 'refused', domain: undefined, code: '5.7.1', text: 'barred' };
      if (address.endsWith('@example.test')) return { verdict: 'unknown-user', domain: 'example.test' };
      return { verdict: 'not-ours' };
    },
  };
}

const mx = factsOf('MX');
const submission = factsOf('Submission');
const internal = factsOf('Internal', { trustedNetworks: ['10.0.0.0/8'] });
const handshake = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 };
const overTls: SessionState = { ...secured(handshake), helo: 'a.test', isEsmtp: true };
const loggedIn: SessionState = { ...overTls, login: { name: 'alice@example.test', mechanism: 'PLAIN' } };

/** Runs lines; the first line of each reply, or the effect of a step that says nothing. */
function converse(lines: readonly string[], facts = mx, from: SessionState = newSession): string[] {
  let state = from;
  return lines.map((line) => {
    const { step } = dispatch(state, Buffer.from(line, 'latin1'), false, facts);
    state = step.state;
    return describe(step);
  });
}

function describe(step: Step): string {
  if (step.reply === undefined) return step.effect?.kind ?? '';
  return reply(step.reply.status, step.reply.values).split('\r\n')[0] ?? '';
}

/** The last answer. */
function last(lines: readonly string[], facts = mx, from: SessionState = newSession): string | undefined {
  return converse(lines, facts, from).at(-1);
}

test.each([
  ['EHLO', '501 Syntax: EHLO hostname'],
  ['HELO', '501 Syntax: HELO hostname'],
  ['HELO a', '250 mail.example.test'],
  ['NOOP anything', '250 2.0.0 Ok'],
  ['RSET', '250 2.0.0 Ok'],
  ['RSET now', '501 5.5.4 Syntax: RSET'],
  ['QUIT', '221 2.0.0 Bye'],
  ['', '500 5.5.2 Error: bad syntax'],
  ['  ', '500 5.5.2 Error: bad syntax'],
  ['EXPN list', '500 5.5.2 Error: command not recognized'],
  ['ETRN example.test', '500 5.5.2 Error: command not recognized'],
  ['NO\0OP', '500 5.5.2 Error: NUL in command'],
  ['NOOP \xff', '500 5.5.2 Error: bad UTF-8 syntax'],
  ['GET / HTTP/1.1', '221 2.7.0 Error: I can break rules, too. Goodbye.'],
  ['CONNECT x:25 HTTP/1.1', '221 2.7.0 Error: I can break rules, too. Goodbye.'],
  ['Subject: x', '221 2.7.0 Error: I can break rules, too. Goodbye.'],
  ['{', '221 2.7.0 Error: I can break rules, too. Goodbye.'],
  ['AUTH PLAIN x', '503 5.5.1 Error: authentication not enabled'],
  ['STARTTLS', '220 2.0.0 Ready to start TLS'],
  ['STARTTLS now', '501 5.5.4 Syntax: STARTTLS'],
  ['MAIL FROM:<a@b.test>', '250 2.1.0 Ok'],
  ['MAIL FROM:<>', '250 2.1.0 Ok'],
  ['MAIL FROM a@b.test', '501 5.5.4 Syntax: MAIL FROM:<address>'],
  ['MAIL FROM:<a@b..test>', '501 5.1.7 Bad sender address syntax'],
  ['MAIL FROM:<a@b.test> SIZE=1001', '552 5.3.4 Message size exceeds fixed limit'],
  ['MAIL FROM:<a@b.test> SIZE=x', '501 5.5.4 Bad message size syntax'],
  ['MAIL FROM:<a@b.test> RET=X', '501 5.5.4 Bad RET parameter syntax'],
  ['MAIL FROM:<a@b.test> ENVID=', '501 5.5.4 Bad ENVID parameter syntax'],
  ['MAIL FROM:<a@b.test> BODY=BINARYMIME', '555 5.5.4 Unsupported option: BODY=BINARYMIME'],
  ['MAIL FROM:<a@b.test> X=y', '555 5.5.4 Unsupported option: X=y'],
  ['RCPT TO:<alice@example.test>', '503 5.5.1 Error: need MAIL command'],
  ['DATA', '503 5.5.1 Error: need RCPT command'],
  ['BDAT', '521 5.5.4 Syntax: BDAT count [LAST]'],
  ['BDAT 5 FIRST', '521 5.5.4 Syntax: BDAT count [LAST]'],
  ['BDAT 5', '503 5.5.1 Error: need RCPT command'],
  ['VRFY', '501 5.5.4 Syntax: VRFY address [SMTPUTF8]'],
  ['VRFY <alice@example.test>', '252 2.0.0 <alice@example.test>'],
  ['VRFY alice@example.test', '252 2.0.0 alice@example.test'],
  ['VRFY joe@example.test', '550 5.1.1 <joe@example.test>: Recipient address rejected: User unknown'],
  ['VRFY x@other.test', '554 5.7.1 <x@other.test>: Relay access denied'],
])('answers %j as the first command with %j', (line, expected) => {
  expect(last([line])).toBe(expected);
});

const mail = 'MAIL FROM:<a@b.test>';
const toAlice = 'RCPT TO:<alice@example.test>';

test.each([
  ['<alice@example.test>', '250 2.1.5 Ok'],
  ['<@relay.test:alice@example.test>', '250 2.1.5 Ok'],
  ['<postmaster>', '250 2.1.5 Ok'],
  ['<PostMaster>', '250 2.1.5 Ok'],
  ['<>', '501 5.1.3 Bad recipient address syntax'],
  ['', '501 5.5.4 Syntax: RCPT TO:<address>'],
  ['<joe@example.test>', '550 5.1.1 <joe@example.test>: Recipient address rejected: User unknown'],
  ['<gone@example.test>', '550 5.2.1 <gone@example.test>: Recipient address rejected: Mailbox disabled'],
  ['<moved@example.test>', '550 5.1.6 <moved@example.test>: Recipient address rejected: has moved'],
  ['<later@example.test>', '450 4.7.1 <later@example.test>: Recipient address rejected: come back'],
  ['<x@other.test>', '554 5.7.1 <x@other.test>: Relay access denied'],
  ['<x@barred.test>', '554 5.7.1 <x@barred.test>: Relay access denied'],
  ['<x@[192.0.2.1]>', '554 5.7.1 <x@[192.0.2.1]>: Relay access denied'],
  ['<x%other.test@example.test>', '554 5.7.1 <x%other.test@example.test>: Relay access denied'],
  ['<other.test!x@example.test>', '554 5.7.1 <other.test!x@example.test>: Relay access denied'],
  ['<"x@other.test"@example.test>', '554 5.7.1 <"x@other.test"@example.test>: Relay access denied'],
  ['<alice@example.test> NOTIFY=X', '501 5.5.4 Error: Bad NOTIFY parameter syntax'],
  ['<alice@example.test> ORCPT=x', '501 5.5.4 Error: Bad ORCPT parameter syntax'],
  ['<alice@example.test> SIZE=1', '555 5.5.4 Unsupported option: SIZE=1'],
])('on MX the recipient %j hears %j', (recipient, expected) => {
  expect(last([mail, `RCPT TO:${recipient}`])).toBe(expected);
});

test.each<[string, string[], string]>([
  ['nested MAIL', [mail, mail], '503 5.5.1 Error: nested MAIL command'],
  ['EHLO drops the transaction', [mail, 'EHLO a', toAlice], '503 5.5.1 Error: need MAIL command'],
  ['RSET drops the transaction', [mail, 'RSET', toAlice], '503 5.5.1 Error: need MAIL command'],
  ['DATA without recipients', [mail, 'DATA'], '554 5.5.1 Error: no valid recipients'],
  ['DATA with an argument', [mail, toAlice, 'DATA x'], '501 5.5.4 Syntax: DATA'],
  ['DATA', [mail, toAlice, 'DATA'], '354 End data with <CR><LF>.<CR><LF>'],
  ['too many recipients', [mail, toAlice, toAlice, toAlice], '452 4.5.3 Error: too many recipients'],
  ['DATA after BDAT', [mail, toAlice, 'BDAT 5', 'DATA'], '503 5.5.1 Error: DATA after BDAT'],
  ['RCPT after BDAT', [mail, toAlice, 'BDAT 5', toAlice], '503 5.5.1 Error: RCPT after BDAT'],
  ['an empty chunk', [mail, toAlice, 'BDAT 0'], '551 5.7.1 Null BDAT request'],
  ['a chunk above the limit', [mail, toAlice, 'BDAT 1001'], '552 5.3.4 Chunk exceeds message size limit'],
  [
    'a chunk after a refused one',
    [mail, 'BDAT 5', 'BDAT 5'],
    '551 5.0.0 Discarded 5 bytes after earlier error',
  ],
  ['MAIL after a refused chunk', [mail, 'BDAT 5', mail], '503 5.5.1 Error: MAIL after BDAT'],
  ['MAIL after a refused last chunk', [mail, 'BDAT 5 LAST', mail], '250 2.1.0 Ok'],
])('%s', (_, lines, expected) => {
  expect(last(lines)).toBe(expected);
});

test.each<[string, DialogueFacts, SessionState, string]>([
  ['MX relays for nobody', mx, newSession, '554 5.7.1 <x@other.test>: Relay access denied'],
  ['MX relays for nobody under TLS', mx, overTls, '554 5.7.1 <x@other.test>: Relay access denied'],
  ['an authenticated user may relay', submission, loggedIn, '250 2.1.5 Ok'],
  ['Internal may relay', internal, newSession, '250 2.1.5 Ok'],
])('%s', (_, facts, from, expected) => {
  expect(last([mail, 'RCPT TO:<x@other.test>'], facts, from)).toBe(expected);
});

test('Submission wants TLS, then AUTH, then MAIL', () => {
  expect(converse(['EHLO a', mail, 'AUTH PLAIN x', 'NOOP', 'DATA'], submission).slice(1)).toEqual([
    '530 5.7.0 Must issue a STARTTLS command first',
    '530 5.7.0 Must issue a STARTTLS command first',
    '250 2.0.0 Ok',
    '530 5.7.0 Must issue a STARTTLS command first',
  ]);
  expect(converse([mail, 'VRFY a@b.test', 'AUTH PLAIN x'], submission, overTls)).toEqual([
    '530 5.7.0 Authentication required',
    '530 5.7.0 Authentication required',
    'authenticate',
  ]);
});

test.each([
  ['AUTH', '501 5.5.4 Syntax: AUTH mechanism'],
  ['AUTH PLAIN a b', '501 5.5.4 Syntax: AUTH mechanism'],
  ['AUTH CRAM-MD5', '535 5.7.8 Error: authentication failed: Invalid authentication mechanism'],
  ['auth login', 'authenticate'],
])('under TLS %j hears %j', (line, expected) => {
  expect(last([line], submission, overTls)).toBe(expected);
});

test('AUTH has its place: after EHLO, once, outside of a transaction', () => {
  expect(last(['AUTH PLAIN'], submission, secured(handshake))).toBe('503 5.5.1 Error: send HELO/EHLO first');
  expect(last(['AUTH PLAIN'], submission, loggedIn)).toBe('503 5.5.1 Error: already authenticated');
  expect(last([mail, 'AUTH PLAIN'], submission, loggedIn)).toBe(
    '503 5.5.1 Error: MAIL transaction in progress',
  );
});

function keywords(facts: DialogueFacts, from: SessionState): readonly string[] | undefined {
  return dispatch(from, Buffer.from('EHLO a'), false, facts).step.reply?.keywords;
}

test('EHLO names what works here and now', () => {
  const always = ['ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'];
  expect(keywords(mx, newSession)).toEqual(['PIPELINING', 'SIZE 1000', 'VRFY', 'STARTTLS', ...always]);
  expect(keywords(mx, overTls)).toEqual(['PIPELINING', 'SIZE 1000', 'VRFY', ...always]);
  expect(keywords(submission, overTls)).toContain('AUTH PLAIN LOGIN');
  expect(keywords(submission, newSession)).not.toContain('AUTH PLAIN LOGIN');
  expect(keywords(factsOf('MX', { withheldKeywords: ['CHUNKING', 'SIZE'] }), newSession)).toEqual([
    ...['PIPELINING', 'VRFY', 'STARTTLS'],
    ...always.slice(0, 4),
  ]);
});

test.each([
  ['SMTPUTF8', `${mail} SMTPUTF8`, '555 5.5.4 Unsupported option: SMTPUTF8'],
  ['DSN', `${mail} RET=FULL`, '501 5.7.1 DSN support is disabled'],
  ['DSN', `${mail} ENVID=x`, '501 5.7.1 DSN support is disabled'],
  ['8BITMIME', `${mail} BODY=8BITMIME`, '250 2.1.0 Ok'],
  ['SIZE', `${mail} SIZE=1001`, '552 5.3.4 Message size exceeds fixed limit'],
  ['CHUNKING', 'BDAT 5', '521 5.5.1 Error: command not implemented'],
] as const)('where %s is withheld, %j hears %j', (keyword, line, expected) => {
  const facts = factsOf('MX', { withheldKeywords: [keyword] });

  expect(last([line], facts)).toBe(expected);
});

test('where DSN is withheld, so are the DSN parameters of RCPT', () => {
  const facts = factsOf('MX', { withheldKeywords: ['DSN'] });

  expect(last([mail, `${toAlice} NOTIFY=NEVER`], facts)).toBe('501 5.7.1 DSN support is disabled');
  expect(last([mail, `${toAlice} ORCPT=rfc822;a@b.test`], facts)).toBe('501 5.7.1 DSN support is disabled');
});

test('a domain beyond ASCII wants SMTPUTF8', () => {
  const bucher = 'x@b\xc3\xbccher.test';

  expect(last([`MAIL FROM:<${bucher}>`])).toBe('501 5.1.7 Bad sender address syntax');
  expect(last([`MAIL FROM:<${bucher}> SMTPUTF8`])).toBe('250 2.1.0 Ok');
  expect(last([mail, `RCPT TO:<${bucher}>`])).toBe('501 5.1.3 Bad recipient address syntax');
  expect(last([`${mail} SMTPUTF8`, `RCPT TO:<${bucher}>`])).toMatch(/^554 5\.7\.1 /);
});

test.each([
  ['EHLO a', newSession],
  ['NOOP', overTls],
  ['DATA', overTls],
  [mail, newSession],
])('%j with more input behind it ends the session', (line, state) => {
  const { step } = dispatch(state, Buffer.from(line), true, mx);

  expect(step).toMatchObject({ reply: { status: 'synchronization' }, effect: { kind: 'close' } });
});

test.each([
  ['RSET', overTls],
  [mail, overTls],
  ['QUIT', overTls],
  ['FOO', newSession],
])('%j may have more input behind it', (line, state) => {
  expect(dispatch(state, Buffer.from(line), true, mx).step.reply?.status).not.toBe('synchronization');
});

test('a hopeless chunk ends the session at once', () => {
  const state: SessionState = { ...overTls };
  const { step } = dispatch(state, Buffer.from('BDAT 100000'), false, mx);

  expect(step).toMatchObject({ reply: { status: 'chunkTooLarge' }, effect: { kind: 'close' } });
});
