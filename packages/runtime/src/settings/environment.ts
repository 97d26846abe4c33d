/** The one place where a process reads its environment. */

/** Variables of this process. */
export function readEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
