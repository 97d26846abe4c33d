/** Planted: forgets that an index may be out of range. */
const names: readonly string[] = [];
export const first: string = names[0];
