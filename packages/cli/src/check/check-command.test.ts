import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCommand, withFolder } from '../../test/command-run.ts';
import { checkCommand } from './check-command.ts';

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url));

const domain = `apiVersion: railpost.io/v1alpha1
kind: MailDomain
metadata: {name: a.test}
spec: {domain: a.test, class: Mailbox}
`;

/** Files and the lines that `check` prints about them, without the folder. */
const findings: readonly (readonly [string, Readonly<Record<string, string>>, number, readonly string[]])[] =
  [
    ['a good folder', { 'domain.yaml': domain }, 0, []],
    [
      'a wrong field in the second document, by line',
      {
        'a.yaml': `${domain}---
apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: x}
spec:
  domain: a.test
  localPart: x
  forwarding:
    to:
    - good@b.test
    - bad
`,
      },
      1,
      [
        'a.yaml:15:7: error: Mailbox default/x spec.forwarding.to[1]: must be an address in lower case, such as user@example.test (Invalid)',
      ],
    ],
    [
      'an unknown field, at its key',
      { 'a.yaml': domain.replace('class: Mailbox', 'class: Mailbox, klass: 1') },
      1,
      ['a.yaml:4:40: error: MailDomain default/a.test spec.klass: unknown field (Invalid)'],
    ],
    [
      'YAML that is none',
      { 'a.yaml': 'a: b: c\n', 'b.yaml': domain },
      1,
      ['a.yaml:1:4: error: Nested mappings are not allowed in compact mappings (Invalid)'],
    ],
    [
      'a key twice',
      { 'a.yaml': `${domain}---\n${domain.replace('kind:', 'kind: Mailbox\nkind:')}` },
      1,
      ['a.yaml:8:1: error: Map keys must be unique (Invalid)'],
    ],
    [
      'a reference that leads nowhere',
      {
        'a.yaml': domain,
        'b.yaml': `apiVersion: railpost.io/v1alpha1
kind: Mailbox
metadata: {name: x}
spec:
  domain: a.test
  localPart: x
  passwordSecretRef:
    name: missing
`,
      },
      1,
      [
        'b.yaml:8:5: error: Mailbox default/x spec.passwordSecretRef.name: there is no Secret default/missing (SecretNotFound)',
      ],
    ],
    [
      'a Secret that nobody names and an alias that leads nowhere, as warnings',
      {
        'a.yaml': `${domain}---
apiVersion: railpost.io/v1alpha1
kind: AliasMap
metadata: {name: roles}
spec:
  domain: a.test
  entries:
  - {localPart: postmaster, to: [gone@a.test]}
---
apiVersion: v1
kind: Secret
metadata: {name: lonely}
stringData: {password: x}
`,
      },
      0,
      [
        'a.yaml:12:34: warning: AliasMap default/roles spec.entries[0].to[0]: gone@a.test is in a domain of ours, but does not exist (DeadEnd)',
        'a.yaml:14:1: warning: Secret default/lonely: is named by no object (Unused)',
      ],
    ],
    [
      'JSON as well',
      { 'a.json': JSON.stringify({ apiVersion: 'v1' }) },
      1,
      ['a.json:1:1: error: is not a Kubernetes object: apiVersion and kind are missing (Invalid)'],
    ],
    [
      'other files not at all',
      { 'a.yaml': domain, 'README.md': '# a: b: c', '.hidden.yaml': 'a: b: c' },
      0,
      [],
    ],
  ];

describe('railpost check', () => {
  it.each(findings)('finds in %s what is wrong', async (_name, files, code, expected) => {
    await withFolder(files, async (folder) => {
      const run = await runCommand(checkCommand, folder);

      const lines = run.result.split('\n').filter((line) => line.startsWith(folder));
      expect(lines.map((line) => line.slice(folder.length + 1))).toEqual(expected);
      expect(run.code).toBe(code);
    });
  });

  it('prints the same as JSON', async () => {
    await withFolder({ 'a.yaml': domain.replace('class: Mailbox', 'class: Relay') }, async (folder) => {
      const run = await runCommand(checkCommand, '--json', folder);

      expect(run.code).toBe(1);
      expect(JSON.parse(run.result)).toMatchObject({
        ok: false,
        errors: 1,
        problems: [
          {
            severity: 'error',
            file: `${folder}/a.yaml`,
            line: 4,
            object: 'MailDomain default/a.test',
            field: 'spec.recipients',
            reason: 'Invalid',
          },
        ],
      });
    });
  });

  it('does not miss a MailPlatform that is there but wrong', async () => {
    await withFolder({ 'a.yaml': brokenPlatform }, async (folder) => {
      const run = await runCommand(checkCommand, folder);

      expect(run.result).toContain('spec.hostname: must be a domain');
      expect(run.result).not.toContain('no MailPlatform');
    });
  });

  it('says which folder cannot be read', async () => {
    const run = await runCommand(checkCommand, '/nowhere/at/all');

    expect(run.code).toBe(1);
    expect(run.result).toContain('/nowhere/at/all:1:1: error: cannot be read (ENOENT) (Invalid)');
  });

  it.each([[[]], [['--bogus', 'x']]])('refuses the arguments %j', async (args) => {
    const run = await runCommand(checkCommand, ...args);

    expect(run.code).toBe(2);
    expect(run.complaint).toMatch(/^railpost check: /);
  });

  it.each(['quickstart', 'laptop', 'quickstart and laptop'])(
    'finds no error in examples: %s',
    async (names) => {
      const run = await runCommand(
        checkCommand,
        ...names.split(' and ').map((name) => `${examples}/${name}`),
      );

      expect(run.code).toBe(0);
    },
  );
});

const brokenPlatform = `apiVersion: railpost.io/v1alpha1
kind: MailPlatform
metadata: {name: main}
spec: {hostname: not_a_domain, listeners: [{name: mx, port: 2525, role: MX}]}
`;
