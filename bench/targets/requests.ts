/**
 * `npm run bench -- requests`: requests to object storage per delivered message. The S3 server (versitygw) writes an access log, and
 * we count its lines: what arrives there counts, whoever asked for it and why.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startS3Server } from '@railpost/testkit';
import { parseBytes, parseCount } from '../arguments.ts';
import { startSmtpSinkProcess } from '../load/smtp-sink.ts';
import { flood } from '../load/smtp-source.ts';
import type { Output, Target } from '../measurement.ts';
import { floodDomain } from '../platforms/platform.ts';
import { startRailpost } from '../platforms/railpost.ts';
import { formatTable } from '../table.ts';

/** What `--help` shows. */
export const usage = `Usage: npm run bench -- requests [flags]

Requests to object storage (S3 backend) per delivered message, counted in the access log of the server.

  --messages N  messages (default 10000)
  --sessions N  kept sessions (default 200)
  --size SIZE   size of the content (default 5k)
`;

/** The journal is written some 50 ms after the last delivery; objects of a moment ago may be read once more. */
const settleMs = 3000;

/** Runs it. @throws UsageError */
export async function run(args: readonly string[], out: Output): Promise<readonly Target[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      messages: { type: 'string', default: '10000' },
      sessions: { type: 'string', default: '200' },
      size: { type: 'string', default: '5k' },
    },
  });
  const messages = parseCount('messages', values.messages);
  const sessions = parseCount('sessions', values.sessions);
  const folder = await mkdtemp(join(tmpdir(), 'railpost-requests-'));
  const accessLog = join(folder, 'access.log');
  const s3 = await startS3Server({ accessLog });
  const sink = await startSmtpSinkProcess();
  try {
    const railpost = await startRailpost({
      farEnds: new Map([[floodDomain, sink.port]]),
      arguments: ['--spool', await s3.location('bench')],
    });
    try {
      const load = {
        ...{ port: railpost.port, bytes: parseBytes('size', values.size) },
        ...{ sessions, isKept: true, recipient: `x@${floodDomain}` },
      };
      out.progress('warming up');
      await flood({ ...load, messages: 1000 });
      await sink.waitFor(1000);
      await sleep(settleMs);
      const before = await countRequests(accessLog);
      out.progress(`${messages} messages`);
      await flood({ ...load, messages });
      await sink.waitFor(1000 + messages);
      await sleep(settleMs);
      const after = await countRequests(accessLog);
      return report(out, { before, after, messages, sessions });
    } finally {
      await railpost.stop();
    }
  } finally {
    await sink.stop();
    await s3.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Counted {
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  readonly messages: number;
  readonly sessions: number;
}

function report(out: Output, { before, after, messages, sessions }: Counted): readonly Target[] {
  let total = 0;
  const rows: string[][] = [];
  for (const [what, count] of [...after].toSorted(([, left], [, right]) => right - left)) {
    const made = count - (before.get(what) ?? 0);
    if (made === 0) continue;
    total += made;
    rows.push([what, String(made), (made / messages).toFixed(4)]);
  }
  rows.push(['all', String(total), (total / messages).toFixed(4)]);
  out.text(`\nRequests to object storage, ${messages} messages over ${sessions} kept sessions\n`);
  out.text(formatTable(['operation', 'requests', 'per message'], rows));
  // A log without a line is no proof of frugality.
  const value = total === 0 ? Number.NaN : total / messages;
  return [{ name: 'object-storage requests per delivered message', value, unit: 'requests', atMost: 0.1 }];
}

/** Requests by operation and first part of the key: `PutObject segment`. Lines are `... s3_PutObject <key> /<bucket>/<key>?... <status> ...`. */
async function countRequests(accessLog: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await readFile(accessLog, 'utf8')).split('\n')) {
    const [, operation, key = ''] = / s3_([A-Za-z]+\d?) (\S+) /.exec(line) ?? [];
    if (operation === undefined) continue;
    const what = `${operation} ${/^[a-z]+/.exec(key)?.[0] ?? ''}`.trim();
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}
