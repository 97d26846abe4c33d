/** Planted: log text that changes. */

/** Logs a size. */
export function logSize(log: { info(text: string): void }, bytes: number): void {
  log.info(`took ${bytes} bytes`);
}
