/** Planted: nested ternaries. */

/** Sorts into three. */
export function sign(n: number): string {
  return n < 0 ? 'minus' : n > 0 ? 'plus' : 'zero';
}
