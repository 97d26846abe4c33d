/**
 * Collects what the compiler finds, object by object: problems for humans, conditions for status. An object without a finding is
 * accepted and its references are resolved.
 */
import { compareText } from '../canonical.ts';
import { type ManifestObject, objectLabel } from '../manifests.ts';
import type { FieldPath, Problem, ProblemReason } from '../problem.ts';

/** A condition as in Gateway API; Ready is not the compiler's to say. */
export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** What the status of one object should say. */
export interface ObjectStatus {
  readonly kind: ManifestObject['kind'];
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly conditions: readonly Condition[];
  /** Fields of the kind besides conditions: counts, shadowed routes. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Where in an object, and what. */
export interface Finding {
  readonly reason: ProblemReason;
  readonly path: FieldPath;
  readonly text: string;
}

/** The findings of one compilation. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #rejections = new Map<ManifestObject, Finding[]>();
  readonly #references = new Map<ManifestObject, Finding[]>();
  readonly #details = new Map<ManifestObject, Record<string, unknown>>();

  /** The object, or a part of it, is not in force: Accepted=False. */
  reject(object: ManifestObject, finding: Finding): void {
    this.#add(object, finding, 'error');
    this.#rejections.set(object, [...(this.#rejections.get(object) ?? []), finding]);
  }

  /** A reference leads nowhere: ResolvedRefs=False. */
  unresolved(object: ManifestObject, finding: Finding): void {
    this.#add(object, finding, 'error');
    this.#references.set(object, [...(this.#references.get(object) ?? []), finding]);
  }

  /** Nothing is wrong, but somebody should look. */
  warn(object: ManifestObject, finding: Finding): void {
    this.#add(object, finding, 'warning');
  }

  /** Adds fields to the status of an object. */
  detail(object: ManifestObject, details: Readonly<Record<string, unknown>>): void {
    this.#details.set(object, { ...this.#details.get(object), ...details });
  }

  /** All problems, errors and warnings, in order of discovery. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Status of every object that has one (Secrets have none), in the order given. */
  statuses(objects: readonly ManifestObject[]): ObjectStatus[] {
    return objects
      .filter((object) => object.kind !== 'Secret')
      .map((object) => ({
        kind: object.kind,
        namespace: object.namespace,
        name: object.name,
        generation: object.generation,
        conditions: [
          condition('Accepted', this.#rejections.get(object)),
          condition('ResolvedRefs', this.#references.get(object)),
        ],
        details: this.#details.get(object) ?? {},
      }));
  }

  #add(object: ManifestObject, finding: Finding, severity: Problem['severity']): void {
    this.#problems.push({ severity, object: objectLabel(object), source: object.source, ...finding });
  }
}

/** The first finding names the reason; a condition has one. */
function condition(type: Condition['type'], findings: readonly Finding[] | undefined): Condition {
  const first = findings?.[0];
  if (first === undefined) return { type, status: 'True', reason: type, message: '' };
  const others = (findings?.length ?? 1) - 1;
  const message = others === 0 ? first.text : `${first.text}; and ${others} more`;
  return { type, status: 'False', reason: first.reason, message };
}

/**
 * Orders objects by age: in a folder by file path, then position; in a cluster by creationTimestamp, then namespace and name.
 * The older one wins where two claim the same.
 */
export function byAge(left: ManifestObject, right: ManifestObject): number {
  if (left.source !== undefined && right.source !== undefined) {
    return compareText(left.source.path, right.source.path) || left.source.position - right.source.position;
  }
  return (
    compareText(left.createdAt ?? '', right.createdAt ?? '') ||
    compareText(`${left.namespace}/${left.name}`, `${right.namespace}/${right.name}`)
  );
}
