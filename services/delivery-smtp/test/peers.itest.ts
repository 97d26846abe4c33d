/** Real far ends: Postfix's smtp-sink and its whole self, Dovecot's LMTP server, the npm smtp-server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type NatsServer,
  findFreePorts,
  startDovecot,
  startNatsServer,
  startPostfix,
} from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Platform, hostHop, preparePlatform } from './platform.ts';

let server: NatsServer;
let platform: Platform;

beforeAll(async () => {
  server = await startNatsServer();
  platform = await preparePlatform(server);
  await platform.configure();
  await platform.start();
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});

interface PostfixSink {
  readonly port: number;
  /** Dumped messages, each with smtp-sink's own header lines. */
  messages(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

async function startPostfixSink(...flags: readonly string[]): Promise<PostfixSink> {
  const folder = await mkdtemp(join(tmpdir(), 'railpost-smtp-sink-'));
  await chmod(folder, 0o777);
  const [port = 0] = await findFreePorts(1);
  const child: ChildProcess = spawn(
    'smtp-sink',
    // As root it insists on giving that up.
    [
      ...(userInfo().uid === 0 ? ['-u', 'nobody'] : []),
      ...flags,
      '-d',
      join(folder, 'message.'),
      `127.0.0.1:${port}`,
      '100',
    ],
    { stdio: 'ignore' },
  );
  await untilListening(port);
  return {
    port,
    async messages() {
      const names = await readdir(folder);
      return await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
    },
    async stop() {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port });
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error('smtp-sink does not listen; is postfix installed? run npm run setup:peers');
}

const message = Buffer.from('Subject: hello\r\n\r\n.\r\nbody\r\n');

describe("Postfix's smtp-sink", () => {
  it.each([
    ['with all extensions', []],
    ['without pipelining', ['-p']],
    ['without ESMTP', ['-e']],
  ])('takes mail %s', async (_, flags) => {
    const sink = await startPostfixSink(...flags);
    try {
      const { recipients } = await platform.deliver(message, hostHop(sink.port), {
        finals: ['a@partner.test', 'b@partner.test'],
      });

      expect(recipients.map(({ disposition }) => disposition)).toEqual(['delivered', 'delivered']);
      const [dump = ''] = await sink.messages();
      expect(dump).toContain('X-Mail-Args: <sender@elsewhere.test>');
      expect(
        dump.endsWith('Subject: hello\n\n.\nbody\n\n') || dump.includes('Subject: hello\n\n.\nbody\n'),
      ).toBe(true);
    } finally {
      await sink.stop();
    }
  });

  it.each([
    ['4xx to RCPT', ['-r', 'RCPT'], 'deferred'],
    ['5xx to RCPT', ['-f', 'RCPT'], 'bounced'],
    ['4xx to DATA', ['-r', 'DATA'], 'deferred'],
    ['5xx to the dot', ['-f', '.'], 'bounced'],
    ['a hang-up at MAIL', ['-q', 'MAIL'], 'deferred'],
    ['421 at RCPT', ['-Q', 'RCPT'], 'deferred'],
  ])('answers %s', async (_, flags, disposition) => {
    const sink = await startPostfixSink(...flags);
    try {
      const { recipients } = await platform.deliver(message, hostHop(sink.port));

      expect(recipients).toMatchObject([{ disposition }]);
    } finally {
      await sink.stop();
    }
  });

  it('takes mail over LMTP', async () => {
    const sink = await startPostfixSink('-L');
    try {
      const { recipients } = await platform.deliver(
        message,
        { transport: 'lmtp', host: '127.0.0.1', port: sink.port },
        { finals: ['a@partner.test', 'b@partner.test'] },
      );

      expect(recipients.map(({ disposition }) => disposition)).toEqual(['delivered', 'delivered']);
    } finally {
      await sink.stop();
    }
  });
});

describe('Postfix', () => {
  it('takes mail for users it knows and refuses others by name', async () => {
    const postfix = await startPostfix({ mailboxes: ['alice@far.test'] });
    try {
      const { recipients } = await platform.deliver(message, hostHop(postfix.port), {
        finals: ['alice@far.test', 'nobody@far.test'],
      });

      expect(recipients.map(({ disposition, status }) => [disposition, status.code])).toEqual([
        ['delivered', '2.0.0'],
        ['bounced', '5.1.1'],
      ]);
      await expect.poll(() => postfix.messages('alice@far.test'), { timeout: 10_000 }).toHaveLength(1);
    } finally {
      await postfix.stop();
    }
  });
});

describe("Dovecot's LMTP server", () => {
  it('gives one status per recipient, and keeps every octet', async () => {
    const dovecot = await startDovecot({ users: ['alice@far.test', 'bob@far.test'] });
    try {
      const content = Buffer.from(`Subject: x\r\n\r\n.dot\r\n${'ü'.repeat(1500)}\r\nend\r\n`);

      const { recipients } = await platform.deliver(
        content,
        { transport: 'lmtp', host: '127.0.0.1', port: dovecot.lmtpPort },
        { finals: ['alice@far.test', 'nobody@far.test', 'bob@far.test'], body: '8BITMIME' },
      );

      expect(recipients.map(({ disposition, status }) => [disposition, status.code])).toEqual([
        ['delivered', '2.0.0'],
        ['bounced', '5.1.1'],
        ['delivered', '2.0.0'],
      ]);
      const [mail] = await dovecot.fetch('bob@far.test');
      expect(
        Buffer.from(mail?.octets ?? '')
          .subarray(-content.length)
          .equals(content),
      ).toBe(true);
    } finally {
      await dovecot.stop();
    }
  });
});
