/** Platforms that end with the test that opened them: on a server of their own, or on one that the tests of a file share. */
import { type NatsServer, startNatsServer } from '@railpost/testkit';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type TestPlatform, openPlatform } from './harness.ts';

type Options = Parameters<typeof openPlatform>[1];

/** Opens a platform with a nats-server of its own. */
export async function openOwnPlatform(options: Options = {}): Promise<TestPlatform> {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  return openUntilFinished(server, options);
}

/** Has the tests of a file share a nats-server; to be called outside of them. What it returns opens a platform there. */
export function shareServer(): (options?: Options) => Promise<TestPlatform> {
  let server: NatsServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  return (options = {}) => openUntilFinished(server, options);
}

async function openUntilFinished(server: NatsServer, options: Options): Promise<TestPlatform> {
  const platform = await openPlatform(server, options);
  onTestFinished(() => platform.close());
  return platform;
}
