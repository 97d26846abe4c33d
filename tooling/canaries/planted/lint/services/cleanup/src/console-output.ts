/** Planted: a service that prints. */

/** Prints. */
export function shout(): void {
  console.log('here');
}
