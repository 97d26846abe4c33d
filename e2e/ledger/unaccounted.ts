/** Asks the active spool-keeper how many messages nobody has (durability rule 20): 0 in health, so also after every fault. */

/** Processes of a platform, one health port each. */
const mostProcesses = 20;

/** The largest `railpost_unaccounted_messages` of a platform; 0 when no process has the metric. @param healthPort the first one */
export async function unaccountedMessages(healthPort: number): Promise<number> {
  const ports = Array.from({ length: mostProcesses }, (_, index) => healthPort + index);
  const values = await Promise.all(ports.map(readMetric));
  return Math.max(...values);
}

async function readMetric(port: number): Promise<number> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2000) });
    const found = /^railpost_unaccounted_messages(?:\{[^}]*\})? (\d+)/m.exec(await answer.text());
    return Number(found?.[1] ?? 0);
  } catch {
    return 0; // nobody listens there
  }
}
