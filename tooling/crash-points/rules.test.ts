/** The table of docs/durability.md that says which test fails without which rule: every rule has one, and each is there. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const markdown = readFileSync(join(root, 'docs/durability.md'), 'utf8');
const numbers = Array.from({ length: 20 }, (_, index) => String(index + 1));

/** The tests that the table names for a rule. */
function testsOf(rule: string): { readonly file: string; readonly words: string }[] {
  const section = markdown.split('### Which test fails without a rule')[1]?.split(/^## /m)[0] ?? '';
  const line = section.split('\n').find((each) => each.startsWith(`| ${rule} |`)) ?? '';
  return [...line.matchAll(/`([a-z0-9.-]+): ([^`]+)`/g)].map(([, file = '', words = '']) => ({
    file,
    words,
  }));
}

const files = Map.groupBy(
  globSync('{packages,services,e2e}/**/*.{itest,test}.ts', { cwd: root, exclude: ['**/node_modules/**'] }),
  (path) => basename(path),
);

it.each(numbers)('names a test that fails without rule %s, and it is there', (rule) => {
  const named = testsOf(rule);
  const missing = named.filter(
    ({ file, words }) =>
      !(files.get(file) ?? []).some((path) => readFileSync(join(root, path), 'utf8').includes(words)),
  );

  expect(named.length).toBeGreaterThan(0);
  expect(missing).toEqual([]);
});
