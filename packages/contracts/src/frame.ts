/**
 * How a record with raw octets travels in one bus message: a JSON head and the octets after it, so that an 8-bit
 * header section is neither escaped nor copied. Layout: u32 big-endian length of the head, head (UTF-8 JSON), octets.
 */
import { decodeUtf8, encodeUtf8 } from '@railpost/mail';

/** Joins a head and octets. */
export function encodeFrame(head: unknown, octets: Uint8Array): Uint8Array {
  return encodeTextFrame(JSON.stringify(head), octets);
}

/** Joins a head that is JSON text already, and octets. */
export function encodeTextFrame(head: string, octets: Uint8Array): Uint8Array {
  const json = encodeUtf8(head);
  const frame = new Uint8Array(4 + json.length + octets.length);
  new DataView(frame.buffer).setUint32(0, json.length);
  frame.set(json, 4);
  frame.set(octets, 4 + json.length);
  return frame;
}

/** Splits a frame. `octets` is a view, not a copy. @throws SyntaxError or RangeError when it is not a frame */
export function decodeFrame(frame: Uint8Array): { readonly head: unknown; readonly octets: Uint8Array } {
  if (frame.length < 4) throw new RangeError('frame shorter than its length field');
  const length = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(0);
  if (4 + length > frame.length) throw new RangeError('frame shorter than its head');
  const head: unknown = JSON.parse(decodeUtf8(frame.subarray(4, 4 + length)));
  return { head, octets: frame.subarray(4 + length) };
}

/** Encodes a record without octets as UTF-8 JSON. */
export function encodeRecord(record: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(record));
}

/** Parses UTF-8 JSON. @throws SyntaxError */
export function parseRecord(bytes: Uint8Array): unknown {
  return JSON.parse(decodeUtf8(bytes));
}
