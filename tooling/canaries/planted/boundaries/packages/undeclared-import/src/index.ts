/** Planted: imports a package that its package.json does not name. */
export { decide } from '@railpost/mail';
