/** Planted: reads the environment outside of config.ts. */

/** The port. */
export function port(): string | undefined {
  return process.env['PORT'];
}
