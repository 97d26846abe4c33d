/**
 * UTF-8 and Latin-1 conversions for pure packages, which compile without Node's or the browser's globals.
 * Assumes only what ECMAScript hosts all provide (WHATWG Encoding). Fails never: malformed UTF-8 becomes U+FFFD.
 */
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array): { written: number };
};
declare const TextDecoder: new (
  label: string,
  options: { ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Encodes text as UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8; malformed sequences become U+FFFD, a byte order mark stays (it is content, and must survive). */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Above this length the host's decoder is faster than a loop. */
const shortBytes = 24;

/** Decodes octets one to one into code units 0..255, so that any octet string survives a round trip. */
export function decodeLatin1(bytes: Uint8Array): string {
  if (bytes.length > shortBytes) {
    // As long in UTF-8 as in octets, and nothing malformed: it is all ASCII, which most of mail is.
    const text = decoder.decode(bytes);
    if (text.length === bytes.length && !text.includes('\ufffd')) return text;
  }
  let text = '';
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

/** Writes ASCII text into a buffer that has room for it. */
export function writeAscii(text: string, target: Uint8Array, at: number): void {
  encoder.encodeInto(text, target.subarray(at));
}

/** Encodes code units 0..255 one to one into octets; the inverse of {@link decodeLatin1}. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}
