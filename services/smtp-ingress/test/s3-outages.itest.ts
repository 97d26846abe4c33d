/**
 * What clients hear when object storage is down (durability rules 1 and 2): it refuses, keeps silent, does what it is asked and does not say so, or
 * is gone. A real server behind a proxy that answers for it.
 */
import { type NatsServer, type S3Server, startNatsServer, startS3Server } from '@railpost/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { OutageSite, accepted, answerMs, expectKept, expectOutage } from './outage-site.ts';
import { type S3Fault, type S3FaultProxy, startS3FaultProxy } from './s3-fault-proxy.ts';

let server: NatsServer;
let site: OutageSite;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

afterEach(() => site.close());

describe('the spool on S3', () => {
  let s3: S3Server;
  let proxy: S3FaultProxy;

  beforeAll(async () => {
    s3 = await startS3Server();
    proxy = await startS3FaultProxy(s3.endpoint);
  });
  afterEach(() => {
    proxy.fault = 'pass';
  });
  afterAll(async () => {
    await proxy.stop();
    await s3.stop();
  });

  async function beginOnS3(): Promise<void> {
    const direct = await s3.location('outages', crypto.randomUUID());
    const spool = direct.replace(s3.endpoint, proxy.endpoint);
    site = await OutageSite.open({ nats: server, direct, spool });
  }

  test.each<[S3Fault, RegExp]>([
    ['error500', /InternalError/],
    ['slowDown', /SlowDown/],
    ['silent', /has not answered a write|takes no writes/],
    ['swallow', /has not answered a write|takes no writes/],
  ])(
    'that answers %s: 451, until it answers again',
    async (fault, says) => {
      await beginOnS3();

      await expectOutage(site, {
        part: 'spool',
        reply: /^451 4\.3\.0 /,
        says,
        start() {
          proxy.fault = fault;
        },
        end() {
          proxy.fault = 'pass';
        },
      });
    },
    90_000,
  );

  test('that is gone: 451, until it is back', async () => {
    await beginOnS3();

    await expectOutage(site, {
      part: 'spool',
      reply: /^451 4\.3\.0 /,
      says: /takes no writes/,
      start: () => s3.kill(),
      end: () => s3.restart(),
    });
  }, 90_000);

  test('that fails in the middle of a large message: 451 at its end', async () => {
    await beginOnS3();
    const large = `Subject: x\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(8000)}`;
    expect(await site.send('DATA', large)).toEqual(accepted);
    const script = await site.client.connect(site.platform.ports.mx, { replyMs: answerMs });
    await script.ask('EHLO client.test');
    await script.say('MAIL FROM:<a@client.test>', 'RCPT TO:<alice@example.test>');
    expect(await script.ask('DATA')).toMatch(/^354 /);
    await script.writeAll(large.slice(0, 1_000_000));

    proxy.fault = 'error500';
    await script.writeAll(`${large.slice(1_000_000)}.\r\n`);

    expect((await script.reply()).text).toMatch(/^451 4\.3\.0 /);
    proxy.fault = 'pass';
    await site.untilOutage('none');
    await expectKept(site, ['250 ']);
  }, 90_000);
});
