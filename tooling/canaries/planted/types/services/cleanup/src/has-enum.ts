/** Planted: an enum, which Node cannot strip. */
export enum Kind {
  Accept,
}
