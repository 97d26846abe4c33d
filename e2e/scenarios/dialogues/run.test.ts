/**
 * Railpost answers as Postfix 3.11 does, step by step: the MX listener is compared with the recorded answers, the submission
 * listener with the expectations in its script. Where we differ on purpose, the table says why.
 */
import { readFileSync } from 'node:fs';
import { startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDialogues, playDialogue } from '../../support/dialogue.ts';
import { exampleDomain, platformManifest, relayDomain } from '../../support/manifests.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { differences } from './differences.ts';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const recorded = new Map<string, string[][]>(Object.entries(JSON.parse(read('postfix-3.11.json'))));
const mx = parseDialogues(read('mx.txt'));
const submission = parseDialogues(read('submission.txt'));

describe('dialogues', () => {
  let platform: Platform;

  beforeAll(async () => {
    const sink = await startSmtpSink();
    platform = await startPlatform({
      manifests: (ports) => ({
        'platform.yaml': platformManifest(ports, '  origin: example.test\n'),
        'example.yaml': exampleDomain(),
        'partner.yaml': relayDomain(
          'partner.test',
          '{mode: AcceptAll}',
          `{smtp: {hosts: [{host: 127.0.0.1, port: ${sink.port}}]}}`,
        ),
      }),
    });
  });
  afterAll(() => platform.dispose());

  it('were recorded for every dialogue of the script, and every difference is of one', () => {
    const names = mx.map(({ name }) => name);

    expect([...recorded.keys()]).toEqual(names);
    expect([...differences.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  describe('on MX', () => {
    it.concurrent.each(mx.map((dialogue) => [dialogue.name, dialogue] as const))(
      '%s',
      async (name, dialogue) => {
        const answers = await playDialogue(platform.ports.mx, dialogue, { silenceMs: 8000 });

        expect(answers.map(({ replies }) => replies)).toEqual(
          differences.get(name)?.answers ?? recorded.get(name),
        );
      },
    );
  });

  describe('on submission', () => {
    it.each(submission.map((dialogue) => [dialogue.name, dialogue] as const))('%s', async (_, dialogue) => {
      const answers = await playDialogue(platform.ports.submission, dialogue, { silenceMs: 8000 });

      const given = answers.slice(1).map(({ step, replies }) => ({ step, replies }));
      const expected = dialogue.steps.map(({ text, expected: replies }) => ({
        step: text,
        replies: replies ?? [],
      }));
      expect(given).toEqual(expected);
    });
  });
});
