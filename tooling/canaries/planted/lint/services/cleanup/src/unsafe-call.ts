/** Planted: calls what came out of JSON.parse, unchecked. */

/** Reads a size. */
export function readSize(text: string): unknown {
  return JSON.parse(text).size.toString();
}
