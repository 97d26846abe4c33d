/** Password hashes as Dovecot and crypt(3) write them, and the bounds of the verifier. */
import { expect, test } from 'vitest';
import { LoginVerifier } from './login-verifier.ts';
import { PasswordHasher } from './password-hash.ts';
import { verifySha512Crypt } from './sha512-crypt.ts';

/** Vectors of the specification and of `openssl passwd -6`. */
test.each([
  [
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'Hello world!',
    '$6$rounds=10000$saltstringsaltstring$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    'the minimum number is still observed',
    '$6$rounds=10$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.',
  ],
])('SHA512-CRYPT takes %j with its hash, and no other', (password, hash) => {
  expect(verifySha512Crypt(hash, password)).toBe(true);
  expect(verifySha512Crypt(hash, `${password}x`)).toBe(false);
});

test.each(['', '$6$', '$6$salt$short', '$5$salt$x', `$6$rounds=999999999$salt$${'a'.repeat(86)}`])(
  'SHA512-CRYPT takes nothing with the hash %j',
  (hash) => {
    expect(verifySha512Crypt(hash, '')).toBe(false);
  },
);

/** `doveadm pw -s SCHEME -p secret`. */
const hashes = [
  '{SHA512-CRYPT}$6$zoHj0/7j6OQQL.zG$NXtkFtDp/zsM/3lWyg3mXwW5bMHkQZ8IgQspzKCg20ph0jUwLgbfNb5cMVD1xGpAsdbnEwIvKWSYC5Zeyf0jd0',
  '{BLF-CRYPT}$2y$05$Sevu6nqVcqKosAbOC5RBdeRi/Y/A2oTQyMidAYTEZeVBkaEG5zQwq',
  '{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$8F9QDYQabPR1dkGeZZFBqQ$3otIvNl12dsSLLEtKFz8goUUmyIFqCIK08cWKEq1m/8',
];

test.each(hashes)('takes `secret` with %s', async (hash) => {
  const hasher = new PasswordHasher();

  expect(await hasher.verify(hash, 'secret')).toBe(true);
  expect(await hasher.verify(hash, 'Secret')).toBe(false);
  await hasher.close();
});

test.each(['', 'secret', '{PLAIN}secret', '{ARGON2ID}secret', '{BLF-CRYPT}', '{CRYPT}$6$x'])(
  'takes nothing with the hash %j',
  async (hash) => {
    expect(await new PasswordHasher().verify(hash, 'secret')).toBe(false);
  },
);

const record = { login: 'alice@example.test', passwordHash: '{X}secret', isEnabled: true };

function verifierOf(options: { concurrency?: number; nowMs?: () => number } = {}) {
  const calls: string[] = [];
  const pending: (() => void)[] = [];
  const verifier = new LoginVerifier({
    concurrency: options.concurrency ?? 1,
    nowMs: options.nowMs ?? (() => 0),
    verify: async (hash, password) => {
      calls.push(hash);
      if (options.concurrency !== undefined) await new Promise<void>((resolve) => pending.push(resolve));
      return hash === `{X}${password}`;
    },
  });
  return { verifier, calls, pending };
}

test('a success is remembered for a minute, a failure never', async () => {
  let nowMs = 0;
  const { verifier, calls } = verifierOf({ nowMs: () => nowMs });

  expect(await verifier.check(record, 'secret')).toBe('accepted');
  expect(await verifier.check(record, 'secret')).toBe('accepted');
  expect(calls).toHaveLength(1);
  expect(await verifier.check(record, 'wrong')).toBe('refused');
  expect(await verifier.check(record, 'wrong')).toBe('refused');
  expect(calls).toHaveLength(3);
  nowMs = 60_001;
  expect(await verifier.check(record, 'secret')).toBe('accepted');
  expect(calls).toHaveLength(4);
});

test('a changed hash or a disabled login forgets the success', async () => {
  const { verifier } = verifierOf();
  await verifier.check(record, 'secret');

  expect(await verifier.check({ ...record, passwordHash: '{X}other' }, 'secret')).toBe('refused');
  expect(await verifier.check({ ...record, isEnabled: false }, 'secret')).toBe('refused');
});

test('an unknown login costs a hash too', async () => {
  const { verifier, calls } = verifierOf();

  expect(await verifier.check(undefined, 'secret')).toBe('refused');
  expect(calls[0]).toMatch(/^\{ARGON2ID\}\$argon2id\$/);
});

test('logins beyond the bound hear busy, the others wait their turn', async () => {
  const { verifier, pending } = verifierOf({ concurrency: 2 });

  const checks = Array.from({ length: 10 }, () => verifier.check(record, 'secret'));
  expect(await verifier.check(record, 'secret')).toBe('busy');
  expect(pending).toHaveLength(2);
  while (pending.length > 0) {
    pending.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  expect(await Promise.all(checks)).toEqual(Array(10).fill('accepted'));
});
