/** Planted: any. */

/** Takes anything. */
export function swallow(value: any): void {
  void value;
}
