/** Planted: a file that nothing imports. */
export const nobody = 1;
