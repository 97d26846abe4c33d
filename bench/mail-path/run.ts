/**
 * `npm run bench`: the mail path of Railpost beside Postfix's, on the same machine in the same run, in turn. 5 KB messages,
 * one recipient, kept connections, into a sink. See README.md for what the figures mean.
 */
import { parseArgs } from 'node:util';
import { startPostfix } from '@railpost/testkit';
import { type Round, measure, median } from './measure.ts';
import { type ProcessFigures, startRailpost } from './railpost.ts';
import { startSink } from './sink.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '1,50' },
    messages: { type: 'string', default: '5000' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help)
  process.stdout.write('Usage: npm run bench -- [--rounds N] [--sessions 1,50] [--messages N]\n');
else await run(Number(values.rounds), values.sessions.split(',').map(Number), Number(values.messages));

async function run(rounds: number, sessions: readonly number[], messages: number): Promise<void> {
  const sink = await startSink();
  const postfix = await startPostfix({
    settings: [
      'relay_domains = sink.test',
      `transport_maps = inline:{sink.test=smtp:[127.0.0.1]:${sink.port}}`,
    ],
  });
  const railpost = await startRailpost(sink.port);
  const idle = await railpost.figures();
  for (const count of sessions) {
    const load = {
      sessions: count,
      messages: count === 1 ? Math.ceil(messages / 10) : messages,
      bytes: 5120,
      recipient: 'x@sink.test',
    };
    const results: { postfix: Round[]; railpost: Round[] } = { postfix: [], railpost: [] };
    await measure(sink, { ...load, port: railpost.port, messages: 200 });
    for (let round = 0; round < rounds; round += 1) {
      results.railpost.push(await measure(sink, { ...load, port: railpost.port }));
      results.postfix.push(await measure(sink, { ...load, port: postfix.port }));
    }
    report(count, median(results.railpost), median(results.postfix));
  }
  reportProcesses(idle, await railpost.figures(), railpost.readyMs);
  await railpost.stop();
  await postfix.stop();
  sink.close();
}

function report(sessions: number, railpost: Round, postfix: Round): void {
  const ratio = (railpost.rate / postfix.rate).toFixed(2);
  process.stdout.write(
    `\n${sessions} session${sessions === 1 ? '' : 's'}, 5 KB, kept connections: ${ratio} x Postfix end to end\n`,
  );
  for (const [name, round] of [
    ['railpost', railpost],
    ['postfix', postfix],
  ] as const) {
    const accept = `${round.acceptP50.toFixed(1)} / ${round.acceptP99.toFixed(1)}`;
    const arrival = `${round.arrivalP50.toFixed(1)} / ${round.arrivalP99.toFixed(1)}`;
    process.stdout.write(
      `  ${name.padEnd(9)} ${round.rate.toFixed(0).padStart(6)} msg/s   MAIL to 250 ${accept} ms   250 to arrival ${arrival} ms (p50 / p99)\n`,
    );
  }
}

function reportProcesses(
  idle: readonly ProcessFigures[],
  loaded: readonly ProcessFigures[],
  readyMs: number,
): void {
  process.stdout.write(
    `\nready in ${(readyMs / 1000).toFixed(1)} s; PSS idle and after the load, CPU in all:\n`,
  );
  for (const [index, each] of loaded.entries())
    process.stdout.write(
      `  ${each.name.padEnd(22)} ${(idle[index]?.pssMb ?? Number.NaN).toFixed(0).padStart(4)} MB ${each.pssMb.toFixed(0).padStart(5)} MB ${each.cpuSeconds.toFixed(1).padStart(7)} s\n`,
    );
}
