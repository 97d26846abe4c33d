/** The command line of Railpost, for those who run it inside a process of their own. */
export { runCommandLine } from './command-line.ts';
export type { CommandOutput } from './command-output.ts';
