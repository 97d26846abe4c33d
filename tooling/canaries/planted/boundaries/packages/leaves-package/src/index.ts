/** Planted: a relative import that leaves the package. */
export { decide } from '../../mail/src/decide.ts';
