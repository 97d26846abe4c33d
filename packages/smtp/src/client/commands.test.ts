/** Which parameters go to which server. */
import { describe, expect, it } from 'vitest';
import { basicCapabilities, parseCapabilities } from './capabilities.ts';
import { type MailRequest, type RcptRequest, formatMail, formatRcpt, isUnsendable } from './commands.ts';

const mail: MailRequest = {
  reversePath: 'a@example.test',
  sizeBytes: 123,
  body: '8BITMIME',
  isSmtpUtf8: true,
  ret: 'HDRS',
  envid: 'QQ314159',
};
const rcpt: RcptRequest = {
  forwardPath: 'b@example.test',
  notify: ['SUCCESS', 'DELAY'],
  orcpt: undefined,
  original: 'list+x@example.test',
};
const basic = basicCapabilities({ code: 250, enhanced: undefined, lines: ['sink.test hello'] });
const all = { ...basic, hasSize: true, hasEightBitMime: true, hasSmtpUtf8: true, hasDsn: true };

describe('formatMail', () => {
  it('says all to a server that offers all', () => {
    expect(formatMail(mail, all)).toBe(
      'MAIL FROM:<a@example.test> SIZE=123 BODY=8BITMIME SMTPUTF8 ENVID=QQ314159 RET=HDRS\r\n',
    );
  });

  it('says nothing that was not offered', () => {
    expect(formatMail(mail, basic)).toBe('MAIL FROM:<a@example.test>\r\n');
  });

  it('says nothing that was not asked for', () => {
    const plain = {
      reversePath: '',
      sizeBytes: undefined,
      body: undefined,
      isSmtpUtf8: false,
      ret: undefined,
      envid: undefined,
    };
    expect(formatMail(plain, all)).toBe('MAIL FROM:<>\r\n');
  });
});

describe('formatRcpt', () => {
  it.each([
    [
      'makes ORCPT from the original recipient',
      rcpt,
      ' ORCPT=rfc822;list+2Bx@example.test NOTIFY=SUCCESS,DELAY',
    ],
    ['keeps an ORCPT as received', { ...rcpt, orcpt: 'rfc822;c@d', notify: undefined }, ' ORCPT=rfc822;c@d'],
    [
      'writes a non-ASCII original as RFC 6533 wants it',
      { ...rcpt, original: 'jürgen+x@example.test', notify: undefined },
      ' ORCPT=utf-8;jürgen\\x{2B}x@example.test',
    ],
  ])('%s', (_, request, parameters) => {
    expect(formatRcpt(request, all)).toBe(`RCPT TO:<b@example.test>${parameters}\r\n`);
  });

  it('has no parameters for a server without DSN', () => {
    expect(formatRcpt(rcpt, basic)).toBe('RCPT TO:<b@example.test>\r\n');
  });
});

describe('isUnsendable', () => {
  it.each([
    ['a@example.test', false],
    ['"a b"@example.test', false],
    ['ü@example.test', false],
    ['a@example.test>\r\nRCPT TO:<x@example.test', true],
    ['a\u0000@example.test', true],
    ['a'.repeat(2000), true],
  ])('%j: %s', (address, expected) => {
    expect(isUnsendable(address)).toBe(expected);
  });
});

describe('parseCapabilities', () => {
  it('reads keywords without case and with parameters', () => {
    const lines = [
      'mx.test at your service',
      'size 1000',
      'Pipelining',
      '8bitmime',
      'AUTH PLAIN',
      'AUTH=LOGIN plain',
    ];

    expect(parseCapabilities({ code: 250, enhanced: undefined, lines })).toEqual({
      serverName: 'mx.test',
      hasPipelining: true,
      hasSize: true,
      sizeLimitBytes: 1000,
      hasEightBitMime: true,
      hasSmtpUtf8: false,
      hasDsn: false,
      hasStartTls: false,
      authMechanisms: ['PLAIN', 'LOGIN'],
    });
  });

  it.each([['SIZE'], ['SIZE 0'], ['SIZE many'], ['SIZE 99999999999999999999']])(
    'takes %s for no limit',
    (line) => {
      const found = parseCapabilities({ code: 250, enhanced: undefined, lines: ['mx.test', line] });

      expect(found).toMatchObject({ hasSize: true, sizeLimitBytes: undefined });
    },
  );
});
