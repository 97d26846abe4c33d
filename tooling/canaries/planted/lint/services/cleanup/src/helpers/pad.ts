/** Planted: a folder that names no idea. */

/** Pads. */
export function pad(text: string): string {
  return text.padStart(4);
}
