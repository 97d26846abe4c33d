/** Planted: a switch that forgets a case of a closed union. */
import type { Verdict } from '@railpost/mail';

/** Says nothing about deferral. */
export function describe(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'accept':
      return 'accepted';
  }
  return 'unknown';
}
