import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommandLine } from './command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'railpost-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]) {
  let result = '';
  let complaint = '';
  const code = await runCommandLine(args, {
    result: (text) => {
      result += text;
    },
    complaint: (text) => {
      complaint += text;
    },
  });
  return { code, result, complaint };
}

describe('railpost', () => {
  it.each([
    [['--help'], 'Usage: railpost COMMAND'],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['up', '--help'], /--port-offset +Added to every port/],
    [['status', '--help'], /--json +Print JSON/],
    [['queue', '--help'], /hold ID\.\.\. +keep these messages/],
    [['queue', 'list', '--help'], /--limit +Most entries to list\. \(default 1000/],
    [['check', '--help'], 'Usage: railpost check'],
    [['explain', '--help'], 'Usage: railpost explain'],
  ])('answers %s', async (args, expected) => {
    const { code, result, complaint } = await run(...args);

    expect(code).toBe(0);
    expect(result).toMatch(expected);
    expect(complaint).toBe('');
  });

  it.each([
    [[], ''],
    [['fly'], 'there is no command fly'],
    [['up'], '--file: is required'],
    [['up', '-f', 'x', '--nonsense'], "Unknown option '--nonsense'"],
    [['up', '-f', 'x', '--shards', '0'], '--shards: 0 is not within 1 to 64'],
    [['queue'], 'name an action'],
    [['queue', 'fly'], 'there is no action fly'],
    [['queue', 'show'], 'name a queue id'],
    [['queue', 'hold', '../x'], '"../x" is not a queue id'],
    [['queue', 'list', '--queue', 'lost'], '--queue: "lost" is none of incoming, active'],
    [['status', 'now'], 'unexpected now'],
  ])('refuses %s with 2', async (args, expected) => {
    const { code, complaint } = await run(...args);

    expect(code).toBe(2);
    expect(complaint).toContain(expected);
  });

  it.each([['status'], ['queue', 'list']])(
    '%s says in one line that no platform runs there',
    async (...args) => {
      const { code, complaint } = await run(...args, '--data', folder);

      expect(code).toBe(1);
      expect(complaint).toContain(`no platform runs in ${folder}`);
      expect(complaint.trim().split('\n')).toHaveLength(1);
    },
  );

  it('says that nothing answers at a NATS address', async () => {
    const { code, complaint } = await run('status', '--nats-url', 'nats://127.0.0.1:1');

    expect(code).toBe(1);
    expect(complaint).toContain('nothing answers at nats://127.0.0.1:1');
  });
});
