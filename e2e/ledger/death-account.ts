/**
 * What deaths cost: the duplicates of a run by the cause and the service of the death that explains each, and by the time between the
 * arrival and that death. A message that arrived after the death stood in the kernel; one of the last second waited for its reply or
 * was being written down; an earlier one waited for an owner. Pure.
 */
import type { Death } from './process-watch.ts';

/** A duplicate that a death explains. */
export interface Explanation {
  readonly death: Death;
  /** From the arrival of what was delivered first to the death; negative when it arrived after the death. */
  readonly afterMs: number;
}

/** What the deaths of one service by one cause have doubled. */
export interface DeathAccount {
  readonly cause: string;
  readonly service: string;
  readonly deaths: number;
  readonly duplicates: number;
  /** Of these: arrived after the death, and in the last second before it. */
  readonly afterDeath: number;
  readonly lastSecond: number;
}

const lastMs = 1000;

/** Accounts for one part. */
export function accountDeaths(
  deaths: readonly Death[],
  explanations: readonly Explanation[],
): DeathAccount[] {
  const ofDeaths = deaths.map((death) => ({ ...emptyAccount(death), deaths: 1 }));
  const ofDuplicates = explanations.map(({ death, afterMs }) => ({
    ...emptyAccount(death),
    duplicates: 1,
    afterDeath: afterMs < 0 ? 1 : 0,
    lastSecond: afterMs >= 0 && afterMs <= lastMs ? 1 : 0,
  }));
  return addAccounts([...ofDeaths, ...ofDuplicates]);
}

/** The sum of accounts: one for each cause and service. */
export function addAccounts(accounts: readonly DeathAccount[]): DeathAccount[] {
  const sums = new Map<string, DeathAccount>();
  for (const each of accounts) {
    const name = `${each.cause} / ${each.service}`;
    const sum = sums.get(name);
    sums.set(name, sum === undefined ? each : addUp(sum, each));
  }
  return [...sums.values()].toSorted((a, b) => b.duplicates - a.duplicates || b.deaths - a.deaths);
}

/** Formats it as Markdown. */
export function formatDeaths(accounts: readonly DeathAccount[]): string {
  const rows = accounts.map((each) => {
    const { cause, service, deaths, duplicates, afterDeath, lastSecond } = each;
    const earlier = duplicates - afterDeath - lastSecond;
    return `| ${cause} | ${service} | ${deaths} | ${duplicates} | ${afterDeath} | ${lastSecond} | ${earlier} |`;
  });
  return [
    '| cause of death | service | deaths | duplicates | arrived after it | in the last second | earlier |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...rows,
  ].join('\n');
}

function emptyAccount({ cause, name }: Death): DeathAccount {
  const service = name.replace(/-\d+$/, '');
  return { cause, service, deaths: 0, duplicates: 0, afterDeath: 0, lastSecond: 0 };
}

function addUp(left: DeathAccount, right: DeathAccount): DeathAccount {
  return {
    ...left,
    deaths: left.deaths + right.deaths,
    duplicates: left.duplicates + right.duplicates,
    afterDeath: left.afterDeath + right.afterDeath,
    lastSecond: left.lastSecond + right.lastSecond,
  };
}
