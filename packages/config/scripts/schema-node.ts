/**
 * JSON Schema as the zod schemas of the kinds yield it, read with checks instead of trust: the generators stop at the first thing
 * that a CRD or a reference page could not say.
 */
import { z } from 'zod';

/** What the generators look at; other keywords are carried along. */
export const SchemaNode = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxItems: z.number().optional(),
  maxLength: z.number().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), SchemaNode).optional();
  },
  get items() {
    return SchemaNode.optional();
  },
  'x-kubernetes-validations': z.array(z.object({ rule: z.string(), message: z.string() })).optional(),
  'x-kubernetes-int-or-string': z.boolean().optional(),
});
export type SchemaNode = z.infer<typeof SchemaNode>;

/** The schema of what users write (defaults not yet filled in). */
export function schemaNode(schema: z.ZodType): SchemaNode {
  const json = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    unrepresentable: 'throw',
  });
  return SchemaNode.parse(json);
}
