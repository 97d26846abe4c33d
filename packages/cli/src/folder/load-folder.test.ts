import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompilerCrypto } from '@railpost/config';
import { describe, expect, it } from 'vitest';
import { withFolder } from '../../test/command-run.ts';
import { FolderLoader, compileFolders, listFiles, loadFolders } from './load-folder.ts';
import { DocumentReader } from './read-documents.ts';

const crypto: CompilerCrypto = {
  hash: (bytes) => `${bytes.length}`.padStart(64, '0'),
  seal: () => new Uint8Array(0),
  hashPassword: () => '{ARGON2ID}$x',
};

function mailbox(name: string): string {
  return `apiVersion: railpost.io/v1alpha1\nkind: Mailbox\nmetadata: {name: ${name}}\nspec: {domain: a.test, localPart: ${name}}\n`;
}

describe('the folder loader', () => {
  it('reads files in order of their names and documents in order of their places', async () => {
    await withFolder(
      { 'b.yaml': mailbox('b1') + '---\n' + mailbox('b2'), 'a.yml': mailbox('a1') },
      async (folder) => {
        const contents = await loadFolders([folder]);

        expect(contents.problems).toEqual([]);
        expect(contents.files).toEqual([join(folder, 'a.yml'), join(folder, 'b.yaml')]);
        expect(contents.objects.map((object) => [object.name, object.source?.position])).toEqual([
          ['a1', 0],
          ['b1', 0],
          ['b2', 1],
        ]);
      },
    );
  });

  it('reads a file that two of its paths name once', async () => {
    await withFolder({ 'a.yaml': mailbox('a') }, async (folder) => {
      const contents = await loadFolders([folder, join(folder, 'a.yaml')]);

      expect(contents.objects).toHaveLength(1);
    });
  });

  it('sees edits, new files and removed files when it reads again', async () => {
    await withFolder({ 'a.yaml': mailbox('a'), 'b.yaml': mailbox('b') }, async (folder) => {
      const loader = new FolderLoader();
      await loader.load([folder]);
      await writeFile(join(folder, 'a.yaml'), mailbox('edited'));
      await writeFile(join(folder, 'c.yaml'), mailbox('c'));
      await rm(join(folder, 'b.yaml'));

      const contents = await loader.load([folder]);

      expect(contents.objects.map((object) => object.name)).toEqual(['edited', 'c']);
    });
  });

  it('has errors as soon as one file has', async () => {
    await withFolder({ 'a.yaml': 'a: b: c', 'b.yaml': mailbox('b') }, async (folder) => {
      const compiled = await compileFolders([folder], crypto);

      expect(compiled.hasErrors).toBe(true);
    });
  });

  it('names the files to watch', async () => {
    await withFolder({ 'a.yaml': '', 'b.json': '{}', 'c.txt': '', '.d.yaml': '' }, async (folder) => {
      expect((await listFiles(folder)).sort()).toEqual([join(folder, 'a.yaml'), join(folder, 'b.json')]);
    });
  });
});

describe('the document reader', () => {
  const read = (text: string): unknown[] =>
    new DocumentReader()
      .read(new Map([['f', text]]))
      .map((each) => ('value' in each ? each.value : each.error));

  it.each<readonly [string, string, readonly unknown[]]>([
    ['an empty file', '', [null]],
    ['comments only', '# nothing\n', [null]],
    ['a leading marker', '---\na: 1\n', [{ a: 1 }]],
    ['a comment before the first marker', '# hello\n---\na: 1\n', [null, { a: 1 }]],
    ['a marker with content', 'a: 1\n--- {b: 2}\n', [{ a: 1 }, { b: 2 }]],
    ['CRLF', 'a: 1\r\n---\r\nb: 2\r\n', [{ a: 1 }, { b: 2 }]],
    ['a last line without line end', 'a: 1\n---', [{ a: 1 }, null]],
    ['dashes that are text', 'a: |\n  ---\n  x\nb: ----\n', [{ a: '---\nx\n', b: '----' }]],
    ['an anchor', 'a: &x [1]\nb: *x\n', [{ a: [1], b: [1] }]],
  ])('reads %s', (_name, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it('refuses documents separated by dots', () => {
    expect(read('a: 1\n...\nb: 2\n')).toEqual(['separate documents by ---, not by ... or directives']);
  });

  it('refuses aliases that explode', () => {
    const lines = Array.from({ length: 9 }, (_, level) => {
      const items = level === 0 ? 'x' : Array.from({ length: 9 }, () => `*l${level - 1}`).join(', ');
      return `l${level}: &l${level} [${items}]`;
    });

    expect(read(`${lines.join('\n')}\n`)[0]).toMatch(/Excessive alias count/);
  });

  it('finds places in later documents', () => {
    const reader = new DocumentReader();
    reader.read(new Map([['f', 'a: 1\n---\n# comment\nb:\n- c: 1\n  d: 2\n']]));

    expect(reader.locate({ path: 'f', position: 1 }, ['b', 0, 'd'])).toEqual({ line: 6, column: 3 });
    expect(reader.locate({ path: 'f', position: 1 }, ['b', 0, 'missing'])).toEqual({ line: 5, column: 3 });
    expect(reader.locate({ path: 'f', position: 9 }, [])).toEqual({ line: 1, column: 1 });
  });
});
