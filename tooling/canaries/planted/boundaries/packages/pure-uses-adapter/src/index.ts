/** Planted: a pure package that imports an adapter. */
export { readWhenDue } from '@railpost/spool';
