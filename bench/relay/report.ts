/** The race as tables and as JSON: ratios to Postfix first, then each figure's median over the rounds. */
import type { MachineDescription } from '../machine/description.ts';
import { median } from '../statistics.ts';
import { formatFigure, formatTable } from '../table.ts';
import { type RelayCase, titleOf } from './cases.ts';
import type { Round } from './round.ts';

/** All rounds of one case, by mail system. */
export interface CaseResult {
  readonly relayCase: RelayCase;
  readonly rounds: Readonly<Record<string, readonly Round[]>>;
}

/** What the JSON file holds. */
export interface RelayReport {
  readonly machine: MachineDescription;
  readonly results: readonly CaseResult[];
}

const peer = 'postfix';

/** Median of one figure over the rounds of a mail system; NaN when it did not run. */
export function medianOf(
  result: CaseResult,
  name: string,
  pick: (round: Round) => number | undefined,
): number {
  const values = (result.rounds[name] ?? []).map(pick).filter((value) => value !== undefined);
  return median(values);
}

/** One table of a case. */
export function formatCase(result: CaseResult): string {
  const names = Object.keys(result.rounds);
  const postfixRate = medianOf(result, peer, (round) => round.rate);
  const rows = names.map((name) => {
    const of = (pick: (round: Round) => number | undefined): number => medianOf(result, name, pick);
    const pair = (p50: number, p99: number): string => `${formatFigure(p50)} / ${formatFigure(p99)}`;
    return [
      name,
      Number.isNaN(postfixRate) ? '-' : `${(of((round) => round.rate) / postfixRate).toFixed(2)}x`,
      formatFigure(of((round) => round.rate)),
      formatFigure(of((round) => round.acceptRate)),
      pair(
        of((round) => round.acceptP50),
        of((round) => round.acceptP99),
      ),
      pair(
        of((round) => round.arrivalP50),
        of((round) => round.arrivalP99),
      ),
      formatFigure(of((round) => round.cpu)),
      formatFigure(of((round) => round.memory)),
      formatFigure(of((round) => round.syncs)),
    ];
  });
  const head = [
    '',
    'to Postfix',
    'msg/s',
    'accepted/s',
    '250 after, ms',
    'then arrives, ms',
    'CPU µs',
    'MB',
    'syncs',
  ];
  return `\n${titleOf(result.relayCase)} (medians of ${Object.values(result.rounds)[0]?.length ?? 0} rounds)\n${formatTable(head, rows)}`;
}

/** CPU time per message by process, of each mail system in a case. */
export function formatCpu(result: CaseResult): string {
  return Object.entries(result.rounds)
    .map(([name, rounds]) => {
      const parts = [...new Set(rounds.flatMap((round) => Object.keys(round.cpuByName)))];
      const figures = parts
        .map((part) => ({ part, us: median(rounds.map((round) => round.cpuByName[part] ?? 0)) }))
        .toSorted((left, right) => right.us - left.us)
        .filter(({ us }) => us >= 1);
      return `  ${name}: ${figures.map(({ part, us }) => `${part} ${formatFigure(us)}`).join(', ')}\n`;
    })
    .join('');
}

/** Ratios to Postfix of all cases, one line each: what one reads first. */
export function formatRatios(results: readonly CaseResult[]): string {
  const names = [...new Set(results.flatMap(({ rounds }) => Object.keys(rounds)))].filter(
    (name) => name !== peer,
  );
  const rows = results.map((result) => {
    const rate = (name: string): number => medianOf(result, name, (round) => round.rate);
    return [
      titleOf(result.relayCase),
      ...names.map((name) =>
        Number.isNaN(rate(name) / rate(peer)) ? '-' : `${(rate(name) / rate(peer)).toFixed(2)}x`,
      ),
      ...[...names, peer].map((name) => formatFigure(rate(name))),
    ];
  });
  const head = [
    'messages per second, end to end',
    ...names.map((name) => `${name} / ${peer}`),
    ...[...names, peer].map((name) => name),
  ];
  return `\n${formatTable(head, rows)}`;
}
