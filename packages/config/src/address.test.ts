import { describe, expect, it } from 'vitest';
import { toALabels } from './a-label.ts';
import { parseAddress, splitExtension, withExtension } from './address.ts';

describe('addresses', () => {
  it.each([
    ['user@A.test', 'user', 'a.test', 'user@A.test'],
    ['User@a.test.', 'user', 'a.test', 'User@a.test'],
    ['"a@b"@c.test', 'a@b', 'c.test', '"a@b"@c.test'],
    ['"a\\"b"@c.test', 'a"b', 'c.test', '"a\\"b"@c.test'],
    ['user', 'user', 'o.test', 'user@o.test'],
    ['', '', 'o.test', '@o.test'],
    ['"@c.test', '"', 'c.test', '"@c.test'],
  ])('%s is looked up as %s at %s', (given, local, domain, text) => {
    expect(parseAddress(given, 'o.test')).toMatchObject({ local, domain, text });
  });

  it.each([
    ['user+ext', '+', 'user', '+ext'],
    ['user+a+b', '+', 'user', '+a+b'],
    ['user-a+b', '+-', 'user', '-a+b'],
    ['user+', '+', 'user', '+'],
    ['+ext', '+', '+ext', ''],
    ['user', '+', 'user', ''],
    ['user+ext', '', 'user+ext', ''],
    ['owner-list', '-', 'owner-list', ''],
    ['list-request', '-', 'list-request', ''],
    ['postmaster', 'm', 'postmaster', ''],
  ])('%s with delimiters "%s" is %s and "%s"', (local, delimiters, base, extension) => {
    expect(splitExtension(local, delimiters)).toEqual({ base, extension });
  });

  it('puts an extension before the domain, unless it could only stand quoted', () => {
    expect(withExtension('a@b.test', '+x')).toBe('a+x@b.test');
    expect(withExtension('a@b.test', '+x y')).toBe('a@b.test');
    expect(withExtension('a@b.test', '')).toBe('a@b.test');
  });

  it.each([
    ['bücher.test', 'xn--bcher-kva.test'],
    ['BÜCHER.Test.', 'xn--bcher-kva.test'],
    ['bu\u0308cher.test', 'xn--bcher-kva.test'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['пример.испытание', 'xn--e1afmkfd.xn--80akhbyknj4f'],
    ['münchen。test', 'xn--mnchen-3ya.test'],
    ['plain.test', 'plain.test'],
    ['[IPv6:2001:DB8::1]', '[ipv6:2001:db8::1]'],
  ])('%s has the A-labels %s', (domain, expected) => {
    expect(toALabels(domain)).toBe(expected);
  });
});
