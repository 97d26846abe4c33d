/**
 * The far end of a measurement: Postfix's smtp-sink, a C program that takes everything and keeps nothing. It writes a counter after
 * each message into a file in memory, and we read the end of that file.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts } from '@railpost/testkit';

/** A running sink. */
export interface SmtpSinkProcess {
  readonly port: number;
  readonly pid: number;
  /** Messages taken since its start. */
  count(): Promise<number>;
  /** Waits for a count and returns `performance.now()` of then. @throws Error when nothing has come for `silenceMs` */
  waitFor(count: number, silenceMs?: number): Promise<number>;
  /** Waits until nothing has come for three seconds. */
  waitForSilence(): Promise<void>;
  stop(): Promise<void>;
}

/** A look costs some 30 µs; so often, rates of a second's run are good to half a percent. */
const lookEveryMs = 5;
const silentMs = 3000;

/** Starts a sink. @param options further arguments of smtp-sink(1) */
export async function startSmtpSinkProcess(options: readonly string[] = []): Promise<SmtpSinkProcess> {
  const folder = await mkdtemp('/dev/shm/railpost-sink-');
  const file = await open(join(folder, 'count'), 'a+');
  const [port = 0] = await findFreePorts(1);
  // As root it wants to be told whose rights to take.
  const rights = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn('smtp-sink', [...rights, '-c', '-m', '2000', ...options, `127.0.0.1:${port}`, '1024'], {
    stdio: ['ignore', file.fd, 'inherit'],
  });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  await waitForPort(port);
  const tail = Buffer.alloc(128);

  async function count(): Promise<number> {
    const { size } = await file.stat();
    const { bytesRead } = await file.read(tail, 0, tail.length, Math.max(0, size - tail.length));
    // Each look of ours may meet a half-written line at the end: the last whole one counts.
    const lines = tail.subarray(0, bytesRead).toString('latin1').split('\r');
    return Number(/mesg=(\d+)$/.exec(lines.at(-2) ?? '')?.[1] ?? 0);
  }

  return {
    port,
    pid: child.pid ?? 0,
    count,
    async waitFor(wanted, silenceMs = 60_000) {
      let seen = await count();
      let changedAt = performance.now();
      while (seen < wanted) {
        await sleep(lookEveryMs);
        const now = await count();
        if (now !== seen) changedAt = performance.now();
        seen = now;
        if (performance.now() - changedAt > silenceMs)
          throw new Error(`${wanted - seen} of ${wanted} messages have not arrived, and none for a while`);
      }
      return performance.now();
    },
    async waitForSilence() {
      for (let seen = -1; seen !== (await count()); await sleep(silentMs)) seen = await count();
    },
    async stop() {
      process.removeListener('exit', onExit);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await file.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function waitForPort(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await answers(port))) {
    if (performance.now() > deadline) throw new Error(`smtp-sink did not open port ${port}`);
    await sleep(20);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('data', () => {
      socket.end('QUIT\r\n');
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
