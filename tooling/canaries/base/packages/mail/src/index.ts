/** A pure package of the canary workspace: the smallest code that passes every gate. */
export { type Verdict, decide } from './decide.ts';
