/** Planted: a default export. */
export default function nameless(): void {}
