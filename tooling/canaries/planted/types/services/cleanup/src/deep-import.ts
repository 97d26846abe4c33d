/** Planted: reaches into another package past its entry. */
export { decide } from '@railpost/mail/src/decide.ts';
