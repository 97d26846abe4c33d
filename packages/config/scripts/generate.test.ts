import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { defineKind } from '../src/kinds/kind.ts';
import { kinds } from '../src/manifests.ts';
import { crdOf } from './crd.ts';
import { generatedFiles, staleFiles } from './generate.ts';
import { type SchemaNode, schemaNode } from './schema-node.ts';

function patternsOf(node: SchemaNode): string[] {
  const below = [...Object.values(node.properties ?? {}), ...(node.items ? [node.items] : [])];
  return [...(node.pattern === undefined ? [] : [node.pattern]), ...below.flatMap(patternsOf)];
}

describe('the generator', () => {
  it('finds its files in the repository as it makes them', async () => {
    expect(await staleFiles(generatedFiles())).toEqual([]);
  });

  it('notices a file that differs', async () => {
    const files = generatedFiles();
    const [first = ''] = files.keys();

    expect(await staleFiles(new Map(files).set(first, 'edited by hand'))).toHaveLength(1);
  });

  it('makes the same files every time', () => {
    expect([...generatedFiles()]).toEqual([...generatedFiles()]);
  });

  it.each(kinds.map((kind) => [kind.kind, kind] as const))(
    'uses only patterns that RE2 takes in %s',
    (_name, kind) => {
      const patterns = patternsOf(schemaNode(kind.spec));

      expect(patterns.length).toBeGreaterThan(0);
      for (const pattern of patterns) expect(() => RE2JS.compile(pattern)).not.toThrow();
    },
  );

  it('writes structural schemas: no additionalProperties, no unions but int-or-string', () => {
    for (const text of generatedFiles().values()) {
      if (!text.includes('kind: CustomResourceDefinition')) continue;
      expect(text).not.toMatch(/additionalProperties|oneOf|allOf|\$ref/);
      for (const match of text.matchAll(/anyOf:\n\s+- type: (\w+)\n\s+- type: (\w+)/g)) {
        expect([match[1], match[2]]).toEqual(['integer', 'string']);
      }
      expect(parse(text)).toMatchObject({ spec: { group: 'railpost.io', scope: 'Namespaced' } });
    }
  });

  it('carries CEL rules, immutability, defaults and Ready=Unknown into the CRD', () => {
    const text = JSON.stringify(kinds.map(crdOf));

    expect(text).toContain('"rule":"self == oldSelf"');
    expect(text).toContain('"rule":"self.metadata.name == self.spec.domain"');
    expect(text).toContain('"rule":"has(self.trustedNetworks) == (self.role == \'Internal\')"');
    expect(text).toContain('"default":"300s"');
    expect(text).toContain('"status":"Unknown","reason":"Pending"');
  });

  it.each([
    ['without description', z.strictObject({ a: z.int() }), 'spec.a has no description'],
    [
      'without bound of a list',
      z.strictObject({ a: z.array(z.int()).describe('a') }),
      'spec.a has no maxItems',
    ],
    ['without bound of a string', z.strictObject({ a: z.string().describe('a') }), 'spec.a has no maxLength'],
    [
      'that is a union',
      z.strictObject({ a: z.union([z.int(), z.boolean()]).describe('a') }),
      'spec.a has no type',
    ],
  ])('stops at a field %s', (_name, spec, message) => {
    const kind = defineKind({
      kind: 'Broken',
      plural: 'brokens',
      shortName: 'br',
      description: 'Broken.',
      spec,
      status: {},
      columns: [],
      selectableFields: [],
      example: '',
    });

    expect(() => crdOf(kind)).toThrow(message);
  });
});
