/** The near end of a measurement: Postfix's smtp-source, a C program, one message at a time in each session and without PIPELINING. */
import { spawn } from 'node:child_process';
import { endedChildrenMs } from '../machine/processes.ts';

/** What to send. */
export interface Flood {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Size of the content without its header section, octets. */
  readonly bytes: number;
  /** True: all messages of a session over one connection (`-d`); false: a connection for each message. */
  readonly isKept: boolean;
  readonly recipient: string;
}

/** What it took. */
export interface FloodResult {
  /** `performance.now()` of the start and of the last 250. */
  readonly startedAt: number;
  readonly acceptedAt: number;
  /** CPU time of smtp-source, milliseconds. */
  readonly cpuMs: number;
}

/** Sends it. @throws Error when smtp-source fails, which it does at the first reply that is not positive */
export async function flood(load: Flood): Promise<FloodResult> {
  const cpuBefore = await endedChildrenMs();
  const startedAt = performance.now();
  const child = spawn(
    'smtp-source',
    [
      ...(load.isKept ? ['-d'] : []),
      ...['-s', String(Math.min(load.sessions, load.messages)), '-m', String(load.messages)],
      ...['-l', String(load.bytes), '-f', 'bench@example.org', '-t', load.recipient],
      ...['-M', 'client.example.org', '-C', '10', `127.0.0.1:${load.port}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const take = (data: Buffer): void => {
    output = (output + data.toString('utf8')).slice(-2000);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const acceptedAt = performance.now();
  if (code !== 0) throw new Error(`smtp-source failed: ${output.trim()}`);
  return { startedAt, acceptedAt, cpuMs: (await endedChildrenMs()) - cpuBefore };
}
