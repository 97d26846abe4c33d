/**
 * Reads parsed documents as manifests: is it one of our kinds, is every field known, does every value hold. One bad field is one
 * problem; an object with a problem is left out of the result. References between objects are the compiler's business.
 */
import { z } from 'zod';
import { type AliasMapSpec, aliasMap } from './kinds/alias-map.ts';
import { type KindDefinition, ObjectMeta, apiGroup, apiVersion } from './kinds/kind.ts';
import { type MailDomainSpec, mailDomain } from './kinds/mail-domain.ts';
import { type MailPlatformSpec, mailPlatform } from './kinds/mail-platform.ts';
import { type MailboxSpec, mailbox } from './kinds/mailbox.ts';
import { SecretContent, secretValues } from './kinds/secret.ts';
import { type TransportMapSpec, transportMap } from './kinds/transport-map.ts';
import type { FieldPath, ManifestSource, Problem, ProblemReason } from './problem.ts';

/** All kinds of our group, in the order of the reference. */
export const kinds: readonly KindDefinition[] = [mailPlatform, mailDomain, mailbox, transportMap, aliasMap];

/** Namespace of objects that name none. */
export const defaultNamespace = 'default';

/** One document, already parsed from YAML or JSON. */
export interface ManifestDocument extends ManifestSource {
  readonly value: unknown;
}

interface ManifestForm<K extends string> {
  readonly kind: K;
  readonly namespace: string;
  readonly name: string;
  /** Where it stands; undefined for objects of a cluster. */
  readonly source: ManifestSource | undefined;
  /** RFC 3339, as the API server wrote it; undefined in a folder. */
  readonly createdAt: string | undefined;
  readonly generation: number;
}

/** A manifest whose fields are all good. */
export type ManifestObject =
  | (ManifestForm<'MailPlatform'> & { readonly spec: MailPlatformSpec })
  | (ManifestForm<'MailDomain'> & { readonly spec: MailDomainSpec })
  | (ManifestForm<'Mailbox'> & { readonly spec: MailboxSpec })
  | (ManifestForm<'TransportMap'> & { readonly spec: TransportMapSpec })
  | (ManifestForm<'AliasMap'> & { readonly spec: AliasMapSpec })
  | (ManifestForm<'Secret'> & { readonly values: Readonly<Record<string, string>> });

/** Objects of one kind. */
export type ManifestOf<K extends ManifestObject['kind']> = Extract<ManifestObject, { readonly kind: K }>;

/** What a folder says. */
export interface ParsedManifests {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly Problem[];
}

/** `Mailbox default/alice`. */
export function objectLabel(object: Pick<ManifestObject, 'kind' | 'namespace' | 'name'>): string {
  return `${object.kind} ${object.namespace}/${object.name}`;
}

/** What was made of documents before, by their values: who reads a folder again and again checks only what changed. */
export type ManifestMemory = WeakMap<
  object,
  { readonly source: ManifestSource; readonly outcome: DocumentOutcome }
>;

/**
 * Reads documents; empty ones (null) are skipped. With a memory, a document whose value is the same object in the same place as
 * before is not checked again.
 */
export function parseManifests(
  documents: readonly ManifestDocument[],
  memory: ManifestMemory = new WeakMap(),
): ParsedManifests {
  const objects: ManifestObject[] = [];
  const problems: Problem[] = [];
  const seen = new Map<string, ManifestSource>();
  for (const document of documents) {
    if (document.value === null || document.value === undefined) continue;
    const outcome = recallDocument(document, memory);
    problems.push(...outcome.problems);
    if (outcome.object === undefined) continue;
    const label = objectLabel(outcome.object);
    const first = seen.get(label);
    if (first === undefined) {
      seen.set(label, document);
      objects.push(outcome.object);
    } else {
      problems.push(
        finding(
          document,
          { path: ['metadata', 'name'], reason: 'Duplicate', text: `stands in ${first.path} already` },
          label,
        ),
      );
    }
  }
  return { objects, problems };
}

/** An object, or why there is none. */
interface DocumentOutcome {
  readonly object?: ManifestObject;
  readonly problems: readonly Problem[];
}

function recallDocument(document: ManifestDocument, memory: ManifestMemory): DocumentOutcome {
  const { value, path, position } = document;
  if (typeof value !== 'object' || value === null) return parseDocument(document);
  const known = memory.get(value);
  if (known?.source.path === path && known.source.position === position) return known.outcome;
  const outcome = parseDocument(document);
  memory.set(value, { source: { path, position }, outcome });
  return outcome;
}

const Head = z.looseObject({ apiVersion: z.string(), kind: z.string() });

function parseDocument(document: ManifestDocument): DocumentOutcome {
  const head = Head.safeParse(document.value);
  if (!head.success) {
    const text = 'is not a Kubernetes object: apiVersion and kind are missing';
    return { problems: [finding(document, { path: [], reason: 'Invalid', text })] };
  }
  const { apiVersion: version, kind } = head.data;
  if (version === 'v1' && kind === 'Secret') return parseSecret(document);
  const form = objectForms.get(kind);
  if (version === apiVersion && form !== undefined) return parseObject(document, form);
  return { problems: [unknownKind(document, version, kind)] };
}

function unknownKind(document: ManifestDocument, version: string, kind: string): Problem {
  if (!version.startsWith(`${apiGroup}/`)) {
    const text = `${version} ${kind} is not read by Railpost and is left alone`;
    return { ...finding(document, { path: ['kind'], reason: 'UnknownKind', text }), severity: 'warning' };
  }
  if (version !== apiVersion) {
    const text = `must be ${apiVersion}`;
    return finding(document, { path: ['apiVersion'], reason: 'UnknownKind', text });
  }
  const known = kinds.map((each) => each.kind).join(', ');
  const text = `"${kind}" is not a kind of ${apiGroup}; there are ${known}`;
  return finding(document, { path: ['kind'], reason: 'UnknownKind', text });
}

/** Whole objects by kind, built once: zod compiles a schema at its first use, which costs more than a thousand uses. */
const objectForms = new Map(kinds.map((definition) => [definition.kind, objectForm(definition)]));
const SecretForm = SecretContent.extend({ apiVersion: z.string(), kind: z.string(), metadata: ObjectMeta });

interface ObjectForm {
  readonly definition: KindDefinition;
  readonly schema: z.ZodType<{ readonly metadata: ObjectMeta; readonly spec: unknown }>;
}

function objectForm(definition: KindDefinition): ObjectForm {
  const schema = z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: ObjectMeta,
    spec: definition.spec,
    status: z.unknown().optional(),
  });
  return { definition, schema };
}

function parseObject(document: ManifestDocument, { definition, schema }: ObjectForm): DocumentOutcome {
  const parsed = schema.safeParse(document.value);
  if (!parsed.success) return { problems: issues(document, parsed.error, labelOf(document.value)) };
  const { metadata, spec } = parsed.data;
  const rule = definition.objectRule;
  if (rule !== undefined && !rule.holds(metadata.name, spec)) {
    const label = labelOf(document.value);
    const complaint = { path: rule.field.split('.'), reason: 'Invalid', text: rule.message } as const;
    return { problems: [finding(document, complaint, label)] };
  }
  // The spec was parsed by the schema of the kind that `kind` names.
  const object = { ...formOf(document, metadata, definition.kind), spec } as ManifestObject;
  return { object, problems: [] };
}

function parseSecret(document: ManifestDocument): DocumentOutcome {
  const parsed = SecretForm.safeParse(document.value);
  if (!parsed.success) return { problems: issues(document, parsed.error, labelOf(document.value)) };
  const { metadata } = parsed.data;
  return {
    object: { ...formOf(document, metadata, 'Secret'), values: secretValues(parsed.data) },
    problems: [],
  };
}

function formOf<K extends string>(
  document: ManifestDocument,
  metadata: ObjectMeta,
  kind: K,
): ManifestForm<K> {
  return {
    kind,
    namespace: metadata.namespace ?? defaultNamespace,
    name: metadata.name,
    source: { path: document.path, position: document.position },
    createdAt: undefined,
    generation: metadata.generation ?? 1,
  };
}

const NamedHead = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

/** Label of a document that may be broken below its head. */
function labelOf(value: unknown): string {
  const head = NamedHead.safeParse(value);
  if (!head.success) return '';
  const { kind, metadata } = head.data;
  return `${kind} ${metadata.namespace ?? defaultNamespace}/${metadata.name}`;
}

function issues(document: ManifestDocument, error: z.ZodError, label: string): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) =>
        finding(document, { path: [...path, key], reason: 'Invalid', text: 'unknown field' }, label),
      );
    }
    return [finding(document, { path, reason: 'Invalid', text: issueText(issue) }, label)];
  });
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return issue.message.includes('received undefined') ? `is required (${issue.expected})` : issue.message;
  }
  return issue.message.replace(/^Invalid input: /, '');
}

interface Complaint {
  readonly path: FieldPath;
  readonly reason: ProblemReason;
  readonly text: string;
}

function finding(source: ManifestSource, complaint: Complaint, object = ''): Problem {
  const { path, position } = source;
  return { severity: 'error', object, source: { path, position }, ...complaint };
}
