/** Planted: not as Biome formats. */
export const   answer = { 'kind' : "accept" }
