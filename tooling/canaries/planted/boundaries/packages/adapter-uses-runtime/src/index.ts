/** Planted: an adapter that imports upward. */
export { start } from '@railpost/runtime';
