import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFollower } from './log-follower.ts';

let folder: string;
let path: string;
let shown: string[];
let follower: LogFollower;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'railpost-log-'));
  path = join(folder, 'service.log');
  writeFileSync(path, 'from an earlier run\n');
  shown = [];
  follower = new LogFollower(path, (lines) => shown.push(lines.toString()));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('shows what is appended, in whole lines', () => {
  appendFileSync(path, 'one\ntw');
  follower.look();
  appendFileSync(path, 'o\nthree');
  follower.stop();

  expect(shown).toEqual(['one\n', 'two\n', 'three']);
});

test('shows lines longer than it reads at once', () => {
  const long = `${'x'.repeat(600_000)}\n`;

  appendFileSync(path, `${long}end\n`);
  follower.stop();

  expect(shown.join('')).toBe(`${long}end\n`);
});

test('goes on when somebody empties the file', () => {
  truncateSync(path);
  follower.look();
  appendFileSync(path, 'again\n');
  follower.stop();

  expect(shown).toEqual(['again\n']);
});

test('shows nothing of a file that cannot be read', () => {
  const blind = new LogFollower(join(folder, 'none', 'x.log'), (lines) => shown.push(lines.toString()));
  blind.stop();
  follower.stop();

  expect(shown).toEqual([]);
});
