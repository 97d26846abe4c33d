/**
 * What the header section of a MIME entity (RFC 2045) says about its body, and the same section with another
 * Content-Transfer-Encoding. Tolerant as real mail demands: what cannot be understood is a leaf in 7bit.
 */

/** How a body is built: of parts, of one message, or of text or data. */
export type EntityKind = 'multipart' | 'message' | 'leaf';

/** The facts of one entity. */
export interface EntityHeader {
  readonly kind: EntityKind;
  /** Multipart only. */
  readonly boundary: string | undefined;
  /** Content-Transfer-Encoding in lower case. @default '7bit' */
  readonly encoding: string;
}

/** Reads a header section, given as Latin-1 text with CRLF line ends. */
export function parseEntityHeader(section: string): EntityHeader {
  const type = fieldValue(section, 'content-type') ?? 'text/plain';
  const encoding = (fieldValue(section, 'content-transfer-encoding') ?? '7bit').trim().toLowerCase();
  const name = (/^\s*([^\s;]+)/.exec(type)?.[1] ?? '').toLowerCase();
  const boundary = name.startsWith('multipart/') ? boundaryOf(type) : undefined;
  // A multipart without boundary has no parts that anybody could find.
  if (boundary !== undefined) return { kind: 'multipart', boundary, encoding };
  const isMessage = name === 'message/rfc822' || name === 'message/global';
  return { kind: isMessage ? 'message' : 'leaf', boundary, encoding };
}

function boundaryOf(type: string): string | undefined {
  const found = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(type);
  const boundary = found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2];
  return boundary === '' ? undefined : boundary;
}

/** Replaces the Content-Transfer-Encoding; it stands at the end then. */
export function withEncoding(section: string, encoding: string): string {
  const fields = splitFields(section).filter((field) => !isField(field, 'content-transfer-encoding'));
  fields.push(`Content-Transfer-Encoding: ${encoding}\r\n`);
  return fields.join('');
}

function fieldValue(section: string, name: string): string | undefined {
  const field = splitFields(section).find((each) => isField(each, name));
  return field?.slice(field.indexOf(':') + 1).replace(/\r\n/g, '');
}

/** Fields with their continuation lines and CRLF. */
function splitFields(section: string): string[] {
  return section === '' ? [] : section.split(/(?<=\r\n)(?![ \t])/);
}

function isField(field: string, name: string): boolean {
  return field.slice(0, field.indexOf(':')).trim().toLowerCase() === name;
}
