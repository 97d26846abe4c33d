/**
 * CustomResourceDefinitions from the kinds: structural schemas (no additionalProperties beside properties, unions only as optional
 * members with CEL), every field described, every list and string bounded, status with conditions and Ready=Unknown from birth.
 */
import { z } from 'zod';
import { type KindDefinition, apiGroup, apiVersionName } from '../src/kinds/kind.ts';
import { type SchemaNode, schemaNode } from './schema-node.ts';

/** The CRD of a kind as a plain object. @throws Error when a field has no description or a list no bound */
export function crdOf(kind: KindDefinition): Readonly<Record<string, unknown>> {
  const singular = kind.kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${apiGroup}`,
      labels: { 'app.kubernetes.io/part-of': 'railpost' },
    },
    spec: {
      group: apiGroup,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular,
        shortNames: [kind.shortName],
        categories: ['mail'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: apiVersionName,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(kind.selectableFields.length > 0 && {
            selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })),
          }),
          additionalPrinterColumns: [...kind.columns, ...commonColumns],
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

const commonColumns = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: 'True: applied by every pod.',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    description: 'Why Ready is what it is.',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
];

function objectSchema(kind: KindDefinition): Readonly<Record<string, unknown>> {
  const spec = { ...structural(schemaNode(kind.spec), 'spec'), description: 'What is wanted.' };
  return {
    type: 'object',
    description: kind.description,
    required: ['spec'],
    ...(kind.objectRule && {
      'x-kubernetes-validations': [{ rule: kind.objectRule.cel, message: kind.objectRule.message }],
    }),
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: { type: 'object' },
      spec,
      status: statusSchema(kind),
    },
  };
}

const Conditions = z
  .array(
    z.object({
      type: z.string().max(64).describe('Accepted, ResolvedRefs or Ready.'),
      status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
      reason: z.string().max(64).describe('One word for machines.'),
      message: z.string().max(4096).describe('A sentence for humans.'),
      lastTransitionTime: z
        .string()
        .max(40)
        .meta({ format: 'date-time' })
        .describe('When the status last changed.'),
      observedGeneration: z
        .int()
        .min(0)
        .optional()
        .describe('The generation of the object that this is about.'),
    }),
  )
  .max(16)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
  .describe('Accepted, ResolvedRefs and Ready, as in Gateway API.');

function statusSchema(kind: KindDefinition): Readonly<Record<string, unknown>> {
  const status = z.object({
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .describe('The generation of the object that this status is about.'),
    conditions: Conditions.optional(),
    ...kind.status,
  });
  return {
    ...structural(schemaNode(status), 'status'),
    description: 'What was made of it.',
    // Tools that wait for Ready must not take an object without status for a finished one.
    default: {
      observedGeneration: 0,
      conditions: [
        {
          type: 'Ready',
          status: 'Unknown',
          reason: 'Pending',
          message: 'Waiting for the operator.',
          lastTransitionTime: '1970-01-01T00:00:00Z',
        },
      ],
    },
  };
}

/** A schema in the form that the API server calls structural. */
function structural(node: SchemaNode, path: string): Record<string, unknown> {
  const { additionalProperties: _, anyOf: __, properties, items, default: byDefault, ...rest } = node;
  const result: Record<string, unknown> = { ...rest };
  if (byDefault !== undefined) result['default'] = byDefault;
  if (node['x-kubernetes-int-or-string'] === true) {
    result['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  } else if (node.type === undefined) {
    throw new Error(`${path} has no type: structural schemas know no unions`);
  }
  if (properties !== undefined) {
    const members = Object.entries(properties);
    for (const [name, member] of members) {
      if (member.description === undefined) throw new Error(`${path}.${name} has no description`);
    }
    result['properties'] = Object.fromEntries(
      members.map(([name, member]) => [name, structural(member, `${path}.${name}`)]),
    );
  }
  if (items !== undefined) {
    if (node.maxItems === undefined) throw new Error(`${path} has no maxItems: CEL costs would be unbounded`);
    result['items'] = structural(items, `${path}[]`);
  }
  const isOpenString = node.type === 'string' && node.enum === undefined && node.maxLength === undefined;
  if (isOpenString) throw new Error(`${path} has no maxLength: CEL costs would be unbounded`);
  return result;
}
