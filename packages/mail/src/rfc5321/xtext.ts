/**
 * xtext (RFC 3461 section 4) and the UTF-8 forms of addresses in ORCPT (RFC 6533 section 3).
 */
import { decodeUtf8, encodeLatin1, encodeUtf8 } from '../bytes.ts';

const xtextForm = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;

/** Encodes text as xtext: `+`, `=`, controls, spaces and all beyond ASCII (as UTF-8 octets) become `+XX`. */
export function encodeXtext(text: string): string {
  let result = '';
  for (const octet of encodeUtf8(text)) {
    const plain = octet > 32 && octet < 127 && octet !== 43 && octet !== 61;
    result += plain ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return result;
}

/** Decodes xtext; undefined when malformed. Octets above 127 are taken as UTF-8. */
export function decodeXtext(xtext: string): string | undefined {
  if (!xtextForm.test(xtext)) return undefined;
  const latin1 = xtext.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return decodeUtf8(encodeLatin1(latin1));
}

/** An Original-Recipient: address type and address in clear. */
export interface OriginalRecipient {
  readonly type: string;
  readonly address: string;
}

/** Decodes an ORCPT value, `rfc822;xtext` or `utf-8;...` (RFC 6533 section 3); undefined when malformed. */
export function decodeOriginalRecipient(value: string): OriginalRecipient | undefined {
  const semicolon = value.indexOf(';');
  const type = value.slice(0, Math.max(semicolon, 0));
  const text = value.slice(semicolon + 1);
  if (semicolon < 1 || text === '' || !/^[A-Za-z0-9-]+$/.test(type)) return undefined;
  if (type.toLowerCase() !== 'utf-8') {
    const address = decodeXtext(text);
    return address === undefined ? undefined : { type, address };
  }
  if (/[+=\s\u0000-\u001f\u007f]/.test(text.replace(/\\x\{[0-9A-Fa-f]{2,6}\}/g, ''))) {
    const address = decodeXtext(text);
    return address === undefined ? undefined : { type, address };
  }
  return { type, address: text.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (_, hex: string) => codePoint(hex)) };
}

function codePoint(hex: string): string {
  const value = parseInt(hex, 16);
  return value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? '\ufffd' : String.fromCodePoint(value);
}
