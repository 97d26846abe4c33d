/**
 * Durations and quantities as manifests spell them. Durations: a whole number and one unit (`300s`, `2h`, `5d`), a subset of
 * what Kubernetes' `format: duration` takes. Quantities: Kubernetes' (`50Mi`, `10240000`), in octets.
 */

/** One number, one unit. */
export const durationPattern: RegExp = /^[0-9]{1,9}(ms|s|m|h|d)$/;

/** Kubernetes quantities without exponents and below-one suffixes. */
export const quantityPattern: RegExp = /^[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$/;

const millisecondsOf: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const octetsOf: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Milliseconds of a duration. @throws RangeError when it does not match {@link durationPattern} */
export function durationMs(text: string): number {
  const unit = durationPattern.exec(text)?.[1];
  const factor = unit === undefined ? undefined : millisecondsOf[unit];
  if (factor === undefined) throw new RangeError(`"${text}" is not a duration`);
  return Number.parseInt(text, 10) * factor;
}

/** Octets of a quantity, rounded up. @throws RangeError when it does not match {@link quantityPattern} */
export function quantityBytes(quantity: string | number): number {
  const text = String(quantity);
  const suffix = quantityPattern.exec(text)?.[2] ?? '';
  const factor = quantityPattern.test(text) ? octetsOf[suffix] : undefined;
  if (factor === undefined) throw new RangeError(`"${text}" is not a quantity`);
  return Math.ceil(Number.parseFloat(text) * factor);
}

/** True when the first duration is not longer than the second; malformed ones are somebody else's finding. */
export function isOrdered(shorter: string, longer: string): boolean {
  if (!durationPattern.test(shorter) || !durationPattern.test(longer)) return true;
  return durationMs(shorter) <= durationMs(longer);
}
