/** Metrics of a running Railpost, from the health ports of its processes. */
import { askHttp } from '@railpost/bus';
import type { Railpost } from './railpost.ts';

/** Sum of a metric (all its label values) over all processes; undefined when none has it. */
export async function readMetric(railpost: Railpost, name: string): Promise<number | undefined> {
  const values: number[] = [];
  for (const text of await Promise.all(portsOf(railpost).map(readPage)))
    for (const line of text.split('\n')) {
      const [, value] = line.startsWith(name) ? (/^[^ {]+(?:\{[^}]*\})? ([^ ]+)$/.exec(line) ?? []) : [];
      if (value !== undefined && /^[ {]/.test(line.slice(name.length))) values.push(Number(value));
    }
  return values.length === 0 ? undefined : values.reduce((sum, each) => sum + each, 0);
}

/** Two processes a service at most: the second has the first's port plus ten. */
function portsOf({ healthPort }: Railpost): readonly number[] {
  return Array.from({ length: 20 }, (_, index) => healthPort + index);
}

async function readPage(port: number): Promise<string> {
  try {
    return (await askHttp(`http://127.0.0.1:${port}/metrics`, 2000)).body;
  } catch {
    // No process has this port.
    return '';
  }
}
