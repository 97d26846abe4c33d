/**
 * Railpost answers as Postfix 3.11 does, step by step: the MX listener is compared with the recorded answers, the submission
 * listener with the expectations in its script. Where we differ on purpose, the table says why.
 */
import { readFileSync } from 'node:fs';
import { startSmtpSink } from '@railpost/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Dialogue, parseDialogues, playDialogue } from '../../support/dialogue.ts';
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

      expect(answers.slice(1)).toEqual(demanded(dialogue));
    });
  });

  describe('on submissions, where TLS comes first', () => {
    const afterTls = submission
      .filter(({ steps }) => steps.some((step) => step.startsTls))
      .map(withoutPlaintext);

    it.each(afterTls.map((dialogue) => [dialogue.name, dialogue] as const))('%s', async (_, dialogue) => {
      const options = { silenceMs: 8000, isImplicitTls: true };
      const answers = await playDialogue(platform.ports.submissions, dialogue, options);

      expect(answers.slice(1)).toEqual(demanded(dialogue));
    });
  });

  it('a session sounds the same in one packet and in packets of one octet', async () => {
    const [whole, inOctets] = await Promise.all(
      [undefined, 1].map((packetBytes) =>
        playDialogue(platform.ports.mx, groups, { packetBytes, silenceMs: 8000 }),
      ),
    );

    expect(whole?.slice(1)).toEqual(demanded(groups));
    expect(inOctets).toEqual(whole);
  });
});

/** Commands, content and chunks, three writes in all; the chunks are cut inside of line ends. */
const groups = one(String.raw`= groups
EHLO a.test => 250
MAIL FROM:<x@y.test> && RCPT TO:<alice@example.test> && RCPT TO:<nobody@example.test> && DATA => 250 2.1.0,250 2.1.5,550 5.1.1,354
~Subject: a\r\n\r\n..
. && MAIL FROM:<> && RCPT TO:<bob@example.test> && BDAT 5\r\nA: b\r\c && BDAT 6 LAST\r\n\n\r\nx\r\n\c && RSET && QUIT => 250 2.0.0,250 2.1.0,250 2.1.5,250 2.0.0,250 2.0.0,250 2.0.0,221 2.0.0`);

function one(script: string): Dialogue {
  const [dialogue] = parseDialogues(script);
  if (dialogue === undefined) throw new Error('the script holds no dialogue');
  return dialogue;
}

/** What the script demands, in the form of answers. */
function demanded({ steps }: Dialogue): Answer[] {
  return steps.map(({ text, expected }) => ({ step: text, replies: expected ?? [] }));
}

/** The same dialogue for a port that begins with TLS: from `@tls` on. */
function withoutPlaintext({ name, steps }: Dialogue): Dialogue {
  return { name, steps: steps.slice(steps.findIndex((step) => step.startsTls) + 1) };
}
