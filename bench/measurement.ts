/** What every measurement is for `main.ts`: a command line in, text out, and the targets that it checks. */

/** A figure with a bound. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The value must not be above it... */
  readonly atMost?: number;
  /** ...or not below it. */
  readonly atLeast?: number;
}

/** Where a measurement writes. */
export interface Output {
  /** Results: standard output. */
  text(text: string): void;
  /** What it is doing: standard error, one line that the next replaces when somebody is looking. */
  progress(text: string): void;
}

/** A measurement. */
export interface Measurement {
  readonly usage: string;
  /** @throws UsageError */
  run(args: readonly string[], out: Output): Promise<readonly Target[]>;
}

/** Whether the figure keeps its bound; one that could not be measured does not. */
export function isMet({
  value,
  atMost = Number.POSITIVE_INFINITY,
  atLeast = Number.NEGATIVE_INFINITY,
}: Target): boolean {
  return value <= atMost && value >= atLeast;
}

/** One line for each target. */
export function formatTargets(targets: readonly Target[]): string {
  return targets.map((target) => `${formatTarget(target)}\n`).join('');
}

function formatTarget(target: Target): string {
  const { name, value, unit, atMost, atLeast } = target;
  const bound = atMost === undefined ? `>= ${atLeast ?? 0}` : `<= ${round(atMost)}`;
  return `${isMet(target) ? 'met   ' : 'MISSED'} ${name}: ${round(value)} ${unit} (target ${bound} ${unit})`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}
