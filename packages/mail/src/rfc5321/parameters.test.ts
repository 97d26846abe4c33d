import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMailParameters, parseRcptParameters } from './parameters.ts';
import { decodeOriginalRecipient, decodeXtext, encodeXtext } from './xtext.ts';

test.each([
  ['', {}],
  ['SIZE=1000', { size: 1000 }],
  ['size=0', { size: 0 }],
  ['SIZE=99999999999999999999', { size: Number.MAX_SAFE_INTEGER }],
  ['BODY=8BITMIME', { body: '8BITMIME' }],
  ['body=7bit', { body: '7BIT' }],
  ['BODY=BINARYMIME', { body: 'BINARYMIME' }],
  ['SMTPUTF8', { smtputf8: true }],
  ['AUTH=<>', { auth: '' }],
  ['AUTH=e+3Dmc2@example.test', { auth: 'e=mc2@example.test' }],
  ['RET=full', { ret: 'FULL' }],
  ['RET=HDRS ENVID=QQ314159', { ret: 'HDRS', envid: 'QQ314159' }],
  ['ENVID=a+2Bb', { envid: 'a+2Bb' }],
  ['SIZE=1  SIZE=2', { size: 2 }],
])('reads the parameters of MAIL in %j', (text, parameters) => {
  expect(parseMailParameters(text)).toEqual({ parameters });
});

test.each([
  ['SIZE=', 'size'],
  ['SIZE', 'unsupported'],
  ['AUTH', 'unsupported'],
  ['RET', 'unsupported'],
  ['ENVID', 'unsupported'],
  ['SIZE=-1', 'size'],
  ['SIZE=1k', 'size'],
  ['SIZE=1O', 'size'],
  ['BODY=9BIT', 'unsupported'],
  ['SMTPUTF8=yes', 'unsupported'],
  ['FOO=bar', 'unsupported'],
  ['(comment)', 'unsupported'],
  ['AUTH=', 'auth'],
  ['AUTH=a=b', 'auth'],
  ['RET=ALL', 'ret'],
  ['ENVID=', 'envid'],
  ['ENVID=a+ZZ', 'envid'],
  ['ENVID=a+0A', 'envid'],
  ['NOTIFY=NEVER', 'unsupported'],
])('refuses %j as %s', (text, problem) => {
  expect(parseMailParameters(text)).toEqual({ problem, parameter: text });
});

test('refuses a DSN parameter that comes twice', () => {
  expect(parseMailParameters('RET=HDRS RET=FULL')).toEqual({ problem: 'ret', parameter: 'RET=FULL' });
  expect(parseMailParameters('ENVID=a ENVID=b')).toEqual({ problem: 'envid', parameter: 'ENVID=b' });
  expect(parseRcptParameters('NOTIFY=NEVER NOTIFY=NEVER')).toMatchObject({ problem: 'notify' });
  expect(parseRcptParameters('ORCPT=a;b ORCPT=a;b')).toMatchObject({ problem: 'orcpt' });
});

test.each([
  ['NOTIFY=NEVER', { notify: ['NEVER'] }],
  ['notify=failure,delay', { notify: ['FAILURE', 'DELAY'] }],
  ['NOTIFY=SUCCESS,FAILURE,DELAY', { notify: ['SUCCESS', 'FAILURE', 'DELAY'] }],
  ['NOTIFY=DELAY,,DELAY', { notify: ['DELAY'] }],
  ['ORCPT=rfc822;bob@example.test', { orcpt: 'rfc822;bob@example.test' }],
  ['ORCPT=rfc822;a+2Bb@example.test NOTIFY=DELAY', { orcpt: 'rfc822;a+2Bb@example.test', notify: ['DELAY'] }],
  ['ORCPT=utf-8;bj\\x{F6}rn@example.test', { orcpt: 'utf-8;bj\\x{F6}rn@example.test' }],
])('reads the parameters of RCPT in %j', (text, parameters) => {
  expect(parseRcptParameters(text)).toEqual({ parameters });
});

test.each([
  ['NOTIFY=', 'notify'],
  ['NOTIFY', 'unsupported'],
  ['ORCPT', 'unsupported'],
  ['NOTIFY=NEVER,DELAY', 'notify'],
  ['NOTIFY=SOMETIMES', 'notify'],
  ['NOTIFY=,', 'notify'],
  ['ORCPT=', 'orcpt'],
  ['ORCPT=bob@example.test', 'orcpt'],
  ['ORCPT=rfc822;', 'orcpt'],
  ['ORCPT=;x', 'orcpt'],
  ['ORCPT=rfc822;a+0D+0Ab', 'orcpt'],
  [`ORCPT=rfc822;${'x'.repeat(500)}`, 'orcpt'],
  ['SIZE=1', 'unsupported'],
])('refuses %j as %s of RCPT', (text, problem) => {
  expect(parseRcptParameters(text)).toEqual({ problem, parameter: text });
});

test('xtext survives a round trip, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      const xtext = encodeXtext(text);
      expect(xtext).toMatch(/^[!-~]*$/);
      expect(decodeXtext(xtext)).toBe(text);
    }),
  );
});

test.each([
  ['rfc822;a+2Bb@example.test', { type: 'rfc822', address: 'a+b@example.test' }],
  ['utf-8;bj\\x{F6}rn@example.test', { type: 'utf-8', address: 'björn@example.test' }],
  ['utf-8;björn@example.test', { type: 'utf-8', address: 'björn@example.test' }],
  ['utf-8;\\x{D800}', { type: 'utf-8', address: '\ufffd' }],
  ['x400;+2Fx', { type: 'x400', address: '/x' }],
  ['rfc 822;x', undefined],
])('decodes the original recipient %j', (value, expected) => {
  expect(decodeOriginalRecipient(value)).toEqual(expected);
});
