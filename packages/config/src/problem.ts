/**
 * What is wrong with a manifest, for humans and for conditions: which file, which object, which field, why.
 * Reasons are those of the conditions Accepted and ResolvedRefs, and a few that are only ever warnings; in a folder any error means that nothing is applied.
 */

/** Where an object stands in a folder; the position counts documents of the file from 0. */
export interface ManifestSource {
  readonly path: string;
  readonly position: number;
}

/** Path of a field, as parsers give it. */
export type FieldPath = readonly (string | number)[];

/** Reasons, as conditions name them; from `Shadowed` on (but for TooLarge) they are warnings. */
export type ProblemReason =
  | 'Invalid'
  | 'Duplicate'
  | 'UnknownKind'
  | 'DomainConflict'
  | 'AddressConflict'
  | 'PlatformNotFound'
  | 'DomainNotFound'
  | 'SecretNotFound'
  | 'SecretMalformed'
  | 'Shadowed'
  | 'TooLarge'
  | 'Unused'
  | 'NoCertificate'
  | 'NoPostmaster'
  | 'DeadEnd';

/** One finding. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly reason: ProblemReason;
  /** `Mailbox default/alice`; empty when the document is no object. */
  readonly object: string;
  /** Undefined for objects that came from a cluster. */
  readonly source: ManifestSource | undefined;
  readonly path: FieldPath;
  /** One sentence, without file and field. */
  readonly text: string;
}

/** `spec.listeners[0].port`; empty for the whole document. */
export function formatField(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `["${step}"]`;
  }
  return text;
}
