/** Planted: a package with dead code and a dependency that nothing uses. */
export { used } from './used.ts';
