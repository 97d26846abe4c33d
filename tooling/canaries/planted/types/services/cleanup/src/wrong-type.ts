/** Planted: a number where text belongs. */
export const name: string = 1;
