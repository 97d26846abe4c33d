import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type CommandRun, runCommand, withFolder } from '../../test/command-run.ts';
import { explainCommand } from './explain-command.ts';

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url));

function explainExamples(...args: string[]): Promise<CommandRun> {
  return runCommand(explainCommand, ...args, '-f', `${examples}/quickstart`, `${examples}/laptop`);
}

describe('railpost explain', () => {
  it('tells the whole way of an alias with extension', async () => {
    const run = await explainExamples('team+x@example.test', '--from', 'bob@example.test');

    expect(run).toEqual({
      code: 0,
      complaint: '',
      result: `team+x@example.test from bob@example.test
  RCPT      accepted from anybody: a recipient of example.test
  becomes   team+x@example.test -> alice+x@example.test, bob+x@example.test, carol+x@partner.test
            by AliasMap default/roles
  goes to   alice+x@example.test -> mailbox:example.test
            by MailDomain default/example.test delivery
  goes to   bob+x@example.test -> mailbox:example.test
            by MailDomain default/example.test delivery
  goes to   carol+x@partner.test -> smtp:[127.0.0.1]:2526 (TLS May)
            by TransportMap default/partner route partner (domain partner.test)
`,
    });
  });

  it.each([
    ['nobody@example.test', 'refused with 550 5.1.1: example.test has no such recipient'],
    ['<alice@example.test>', 'accepted from anybody: a recipient of example.test'],
    ['x@foreign.test', 'accepted only from those who may relay; for others 554 5.7.1'],
  ])('says what RCPT answers to %s', async (address, answer) => {
    const run = await explainExamples(address);

    expect(run.result).toContain(`  RCPT      ${answer}\n`);
  });

  it.each([[['--from', '']], [['--from=']], [['--from', '<>']], [[]]])(
    'takes %j as the null reverse-path',
    async (args) => {
      const run = await explainExamples('alice@example.test', ...args);

      expect(run.result).toMatch(/^alice@example\.test from <>\n/);
    },
  );

  it('prints JSON', async () => {
    const run = await explainExamples('--json', 'carol@partner.test');

    expect(JSON.parse(run.result)).toMatchObject({
      recipient: 'carol@partner.test',
      verdict: { verdict: 'ours', domain: 'partner.test' },
      resolution: { finals: [{ destination: 'smtp:[127.0.0.1]:2526', mailDomain: 'partner.test' }] },
    });
  });

  it('reads an address as the dialogue does', async () => {
    const run = await explainExamples('"carol"@partner.test.', '--from', '<"bob"@example.test>');

    expect(run.result).toContain('carol@partner.test from bob@example.test\n');
  });

  it('explains a list, each with its sender', async () => {
    const list = 'carol@partner.test\n\n"a b"@partner.test\t<>\nalice@example.test bob@example.test\r\n';
    await withFolder({ list }, async (folder) => {
      const run = await explainExamples('--list', `${folder}/list`, '--from', 'x@y.test', '--json');

      const lines = run.result.trimEnd().split('\n');
      expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
        { recipient: 'carol@partner.test', sender: 'x@y.test' },
        { recipient: '"a b"@partner.test', sender: '' },
        { recipient: 'alice@example.test', sender: 'bob@example.test' },
      ]);
    });
  });

  it('says which list it cannot read', async () => {
    const run = await explainExamples('--list', '/nowhere/list');

    expect(run).toMatchObject({ code: 1, result: '' });
    expect(run.complaint).toContain('cannot read /nowhere/list');
  });

  it('explains nothing by manifests that have errors', async () => {
    await withFolder({ 'a.yaml': 'kind: Mailbox\n' }, async (folder) => {
      const run = await runCommand(explainCommand, 'a@b.test', '-f', folder);

      expect([run.code, run.result]).toEqual([1, '']);
      expect(run.complaint).toContain('a.yaml:1:1: error:');
    });
  });

  it('says what to do when no platform runs and no manifests are named', async () => {
    await withFolder({}, async (folder) => {
      const run = await runCommand(explainCommand, 'a@b.test', '--data', folder);

      expect(run.code).toBe(1);
      expect(run.complaint).toContain(`no platform runs in ${folder}`);
    });
  });

  it.each([[[]], [['a@b.test', '--frm', 'x']], [['a b']], [['a@b.test', '--from', 'x@']]])(
    'refuses the arguments %j',
    async (args) => {
      const run = await runCommand(explainCommand, ...args);

      expect(run.code).toBe(2);
      expect(run.complaint).toMatch(/^railpost explain: /);
    },
  );
});
