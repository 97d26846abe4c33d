/** Planted: one export of two is used. */

/** Used. */
export function used(): void {}

/** Dead. */
export function deadExport(): void {}
