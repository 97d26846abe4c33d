/** Planted: publishes whatever is there. */
export * from './non-null.ts';
